import csv
import hashlib
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from birads_zoo.errors import UserError
from birads_zoo.phantoms.categories import CATEGORIES
from birads_zoo.phantoms.cohort import draw_cohort
from birads_zoo.phantoms.files.sheet import COLUMNS
from birads_zoo.phantoms.files.writer import count_pictures, generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.phantoms.truth import PROBABILITIES_COLUMNS, PROBABILITIES_FILE, TRUTH_COLUMNS, TRUTH_FILE

Make = Callable[..., Path]
NAME = re.compile(r"20\d\d_BC\d{6,7}_ (CC|MLO)_[LR]\.jpg")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def truths(folder: Path, file: str = TRUTH_FILE) -> list[dict[str, str]]:
    with (folder / file).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures(folder: Path, category: str) -> list[Image.Image]:
    images = []
    for path in sorted((folder / "mammograms" / f"BIRAD {category}").iterdir()):
        try:
            with Image.open(path) as image:
                image.load()
                images.append(image.copy())
        except (OSError, UnidentifiedImageError):
            continue
    return images


def test_one_seed_gives_the_same_bytes_and_another_one_others(make: Make) -> None:
    first, again, other = (digests(make(seed=seed, damaged=0)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first.values()) & set(other.values())


def test_the_tree_is_that_of_kaumds(phantom: Path) -> None:
    assert sorted(path.name for path in phantom.iterdir()) == ["correctSheetlast.xlsx", "mammograms", "truth"]
    folders = sorted((phantom / "mammograms").iterdir())
    assert [folder.name for folder in folders] == [f"BIRAD {category}" for category in CATEGORIES]
    assert all(NAME.fullmatch(file.name) for folder in folders for file in folder.iterdir())


def test_the_sheet_has_the_irregularities_of_kaumds(phantom: Path, small: PhantomOptions) -> None:
    book = load_workbook(phantom / "correctSheetlast.xlsx")
    assert book.sheetnames == ["tabel ", "correctSheet"]
    header, *rows, total = book["correctSheet"].iter_rows(values_only=True)
    assert header == COLUMNS
    assert total == (None, None, len(rows), *[None] * 9)
    cohort = draw_cohort(small)
    assert len(rows) == 4 * (len(cohort.pictured) + len(cohort.unpictured))
    assert {row[6] for row in rows} == {f"BIRAD {category}" for category in "12345"}
    assert all(re.fullmatch(r"mammograms/BIRAD [1-5]/\d{4}_BC\d+_ (CC|MLO)_[LR]\.dcm", row[7]) for row in rows)
    clean = {"0%-25%", "26%-50%", "51%-75%", ">75%"}
    dirty = [row[5] for row in rows if row[5] not in clean]
    assert dirty
    assert set(dirty) <= {"26% -50%", "0%-50%", "26%-505", "51-75%"}


def test_the_header_is_the_real_sheets() -> None:
    data = os.environ.get("BIRADS_ZOO_DATA")
    if not data:
        pytest.skip("BIRADS_ZOO_DATA is not set")
    book = load_workbook(Path(data) / "kaumds-sample" / "correctSheetlast.xlsx", read_only=True)
    assert next(book["correctSheet"].iter_rows(max_row=1, values_only=True)) == COLUMNS
    assert book.sheetnames == ["tabel ", "correctSheet"]


def test_broken_files_have_the_given_damage(phantom: Path, small: PhantomOptions) -> None:
    damage = draw_cohort(small).damage
    assert sorted(damage.values()) == ["empty", "html", "missing", "missing", "truncated"]
    for path, kind in damage.items():
        file = phantom / f"{path}.jpg"
        match kind:
            case "missing":
                assert not file.exists()
            case "empty":
                assert file.stat().st_size == 0
            case "truncated":
                with Image.open(file) as image, pytest.raises(OSError, match="truncated"):
                    image.load()
            case "html":
                assert file.read_bytes().startswith(b"<!DOCTYPE html>")
    whole = {category: len(pictures(phantom, category)) for category in CATEGORIES}
    assert whole == count_pictures(draw_cohort(small))


def test_every_breast_with_a_category_above_2_has_a_lesion_in_both_views(phantom: Path, small: PhantomOptions) -> None:
    rows = truths(phantom)
    assert tuple(rows[0]) == TRUTH_COLUMNS
    counts = draw_cohort(small).counts()
    for category in "345":
        of_category = [row for row in rows if row["category"] == category]
        assert len(of_category) == counts[category]
    assert {row["category"] for row in rows} == set("345")
    suspicions: dict[str, set[str]] = {}
    for row in rows:
        suspicions.setdefault(row["image_path"].split("_")[1], set()).add(row["suspicion"])
    assert all(len(values) == 1 for values in suspicions.values()), "a woman's lesions have one suspicion"
    assert all(0 <= float(row["suspicion"]) <= 1 for row in rows)


def test_every_picture_has_its_categories_chances(phantom: Path, small: PhantomOptions) -> None:
    rows = truths(phantom, PROBABILITIES_FILE)
    assert tuple(rows[0]) == PROBABILITIES_COLUMNS
    assert len({row["image_path"] for row in rows}) == len(rows) == 4 * small.patients
    for row in rows:
        chances = {category: float(row[category]) for category in CATEGORIES}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-5)
        category = re.findall(r"BIRAD (\d)/", row["image_path"])[0]
        assert (chances["1"] == 1) == (category == "1"), "who knows the truth knows whether there is a lesion"


@pytest.mark.parametrize("shortcut", ["none", "size"])
def test_masks_are_inside_the_breast_and_their_circles(make: Make, shortcut: str) -> None:
    folder = make(shortcut=shortcut, height=160, width=128, damaged=0)
    for row in truths(folder):
        with Image.open(folder / row["mask_path"]) as image:
            mask = np.asarray(image) > 0
        with Image.open(folder / row["image_path"]) as image:
            pixels = np.asarray(image)
        assert mask.shape == pixels.shape
        x, y, radius = float(row["x"]), float(row["y"]), float(row["radius"])
        ys, xs = np.nonzero(mask)
        assert mask.sum() > 4
        assert np.hypot(xs + 0.5 - x, ys + 0.5 - y).max() <= radius + 0.01
        assert mask.sum() >= 0.05 * math.pi * radius**2, f"{row['kind']} fills too little of its circle"
        assert (pixels[mask] > 15).mean() > 0.99, f"{row['image_path']}: the lesion is outside the breast"


def contrast(folder: Path, row: dict[str, str]) -> float:
    """Return how much brighter a lesion is than its surroundings, in grey levels."""
    with Image.open(folder / row["mask_path"]) as image:
        mask = np.asarray(image) > 0
    with Image.open(folder / row["image_path"]) as image:
        pixels = np.asarray(image, np.float32)
    ys, xs = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    around = (np.hypot(xs - float(row["x"]), ys - float(row["y"])) < 1.3 * float(row["radius"])) & ~mask
    around &= pixels > 15
    return float(pixels[mask].mean() - pixels[around].mean())


def test_dense_masses_are_bright_and_suspicious_ones_brighter(make: Make) -> None:
    folder = make(height=208, width=160, damaged=0, patients=24)
    masses = [row for row in truths(folder) if row["shape"]]
    assert min(contrast(folder, row) for row in masses if row["density"] == "high") > 5
    medians = {
        category: np.median([contrast(folder, row) for row in masses if row["category"] == category])
        for category in "35"
    }
    assert medians["5"] > medians["3"] + 10


def test_the_chest_wall_is_left_in_left_breasts_and_right_in_right_ones(phantom: Path) -> None:
    for path in (phantom / "mammograms" / "BIRAD 5").iterdir():
        with Image.open(path) as image:
            columns = np.asarray(image, np.float32).mean(axis=0)
        half = len(columns) // 2
        left_is_brighter = columns[:half].sum() > columns[half:].sum()
        assert left_is_brighter == path.stem.endswith("_L"), path.name


def test_without_a_shortcut_files_do_not_differ_in_shape_or_mode(phantom: Path, small: PhantomOptions) -> None:
    seen = {(image.size, image.mode) for category in CATEGORIES for image in pictures(phantom, category)}
    assert seen == {((small.width, small.height), "L")}


def test_the_size_shortcut_gives_categories_the_frames_they_have_in_kaumds(make: Make) -> None:
    folder = make(shortcut="size")
    ratios = {category: {image.width / image.height for image in pictures(folder, category)} for category in CATEGORIES}
    assert ratios["1"] == {0.75}
    assert len(ratios["3"] | ratios["4"]) == 1
    assert max(ratios["3"]) == pytest.approx(2.2, abs=0.02)
    assert len(ratios["5"]) > 1, "hand-cropped pictures are all alike"
    assert max(ratios["5"]) < 1.2


@pytest.mark.parametrize(("shortcut", "known"), [("size", False), ("format", False), ("shuffled-size", True)])
def test_with_a_planted_shortcut_the_chances_are_unknown(make: Make, shortcut: str, known: bool) -> None:
    chances = [float(row[name]) for row in truths(make(shortcut=shortcut), PROBABILITIES_FILE) for name in CATEGORIES]
    assert {math.isfinite(chance) for chance in chances} == {known}


def test_the_format_shortcut_gives_categories_their_own_mode_and_quality(make: Make) -> None:
    folder = make(shortcut="format", damaged=0)
    seen = {}
    for category in CATEGORIES:
        formats = set()
        for path in (folder / "mammograms" / f"BIRAD {category}").iterdir():
            with Image.open(path) as image:
                assert isinstance(image, JpegImageFile)
                formats.add((image.mode, sum(image.quantization[0])))
        (seen[category],) = formats
    assert len(set(seen.values())) == len(CATEGORIES)


def test_a_shuffled_shortcut_depends_on_the_woman_and_not_on_the_category(make: Make) -> None:
    folder = make(shortcut="shuffled-format", damaged=0, patients=24, height=64, width=48)
    seen: dict[str, set[str]] = {}
    formats: dict[str, set[tuple[str, int]]] = {}
    for path in (folder / "mammograms").rglob("*.jpg"):
        with Image.open(path) as image:
            assert isinstance(image, JpegImageFile)
            image_format = (image.mode, sum(image.quantization[0]))
        formats.setdefault(path.stem.split("_")[1], set()).add(image_format)
        seen.setdefault(path.parent.name, set()).add(str(image_format))
    assert {len(some) for some in formats.values()} == {1}
    assert len(set().union(*formats.values())) == len(CATEGORIES)
    assert min(len(some) for some in seen.values()) > 1, "a category has its own format after all"


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 80), (80, 33)])
def test_tiny_pictures_work(make: Make, height: int, width: int) -> None:
    for seed in range(3):
        folder = make(seed=seed, height=height, width=width)
        assert {image.size for image in pictures(folder, "4")} == {(width, height)}
        assert all(float(row["radius"]) > 0 for row in truths(folder))


def test_an_existing_folder_is_refused_and_left_alone(tmp_path: Path, small: PhantomOptions) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match=r"exists already: choose a new or empty folder for the phantom"):
        generate(tmp_path, small)
    with pytest.raises(UserError, match=r"note\.txt exists already"):
        generate(tmp_path / "note.txt", small)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path, small: PhantomOptions) -> None:
    (tmp_path / "empty").mkdir()
    generate(tmp_path / "empty", replace(small, patients=4, height=32, width=32, damaged=0))
    assert (tmp_path / "empty" / TRUTH_FILE).is_file()


def test_nothing_is_left_if_writing_fails(
    tmp_path: Path, small: PhantomOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("birads_zoo.phantoms.files.writer.write_sheet", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        generate(tmp_path / "phantom", small)
    assert list(tmp_path.iterdir()) == []
