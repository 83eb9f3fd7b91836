from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.report.drawing import charts as figures
from birads_zoo.report.drawing import pictures, style
from birads_zoo.training.history import Epoch

CLASSES = {
    2: ("normal", "abnormal"),
    4: ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5"),
    7: ("a finding with a name that is far too long for any axis", "$x_1$", "乳", "a_b", "", "[4]", "7"),
}
CONTEXT = "resnet50 · patient split · n = 12"


def drawn(path: Path) -> NDArray[np.uint8]:
    """The figure's pixels, after a check that it is a PNG of a sensible size and not blank."""
    assert path.read_bytes().startswith(b"\x89PNG")
    with Image.open(path) as picture:
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        pixels = np.asarray(picture.convert("RGB"))
    height, width, _ = pixels.shape
    assert 150 < height < 4000, f"{path.name} is {height} px high"
    assert 600 <= width < 4000, f"{path.name} is {width} px wide"
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert (pixels < 128).all(axis=2).mean() > 0.001, f"{path.name} is blank"
    return pixels


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All texts of the figures saved so far."""
    texts: list[str] = []
    save = style.save

    def save_and_read(figure: Figure, path: Path) -> None:
        texts.extend(text.get_text() for text in figure.findobj(Text))
        save(figure, path)

    monkeypatch.setattr(style, "save", save_and_read)
    return texts


def table(n: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    generator = np.random.default_rng(n * k)
    return generator.integers(0, k, n), generator.dirichlet(np.ones(k), n)


def images(n: int, shape: tuple[int, int] = (40, 30)) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("k", [2, 4, 7])
@pytest.mark.parametrize("n", [1, 60])
def test_charts_of_any_number_of_classes_and_rows(tmp_path: Path, texts: list[str], k: int, n: int) -> None:
    labels, probabilities = table(n, k)
    confusion = np.zeros((k, k), int)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    parts = {"train": (labels, ["p"] * n), "test": (labels[:0], [])}
    figures.class_distribution(parts, CLASSES[k], tmp_path / "counts.png", CONTEXT)
    figures.confusion_matrix(confusion.tolist(), CLASSES[k], tmp_path / "confusion.png", CONTEXT)
    for name in ("counts", "confusion"):
        assert drawn(tmp_path / f"{name}.png").std() > 1
    numbers = " ".join(texts).split()
    assert all(str(count) in numbers for count in confusion.max(axis=1)), "each row's largest cell is written"


def line(fold: int, epoch: int, **values: float | None) -> Epoch:
    unknown = dict.fromkeys(("val_loss", "val_accuracy", "val_macro_f1", "val_auroc"))
    pace = {"learning_rate": 0.1, "seconds": 1.0, "images_per_second": 1.0}
    return Epoch(fold=fold, epoch=epoch, train_loss=1 / epoch, **pace, **{**unknown, **values})


@pytest.mark.parametrize(
    "history",
    [
        [line(0, 1)],
        [line(0, e, val_loss=None, val_macro_f1=None, val_accuracy=None) for e in (1, 2)],
        [line(f, e, val_loss=0.5, val_macro_f1=0.1 * e, val_accuracy=0.5) for f in (0, 1) for e in range(1, 4 + f)],
        [line(0, 1, val_loss=0.5), line(1, 2, val_loss=0.5)],
        [line(0, 1, val_loss=float("nan"), val_macro_f1=0.2)],
    ],
    ids=["one epoch", "no validation", "folds of different length", "folds without a shared epoch", "not finite"],
)
def test_learning_curves_of_any_history(tmp_path: Path, texts: list[str], history: list[Epoch]) -> None:
    figures.learning_curves(history, tmp_path / "curves.png", CONTEXT, chosen={0: 1})
    assert drawn(tmp_path / "curves.png").std() > 1
    validated = any(np.isfinite(epoch.val_loss or np.nan) for epoch in history)
    assert ("no validation rows" in texts) is not validated


def test_the_chosen_epoch_is_marked(tmp_path: Path) -> None:
    history = [line(0, e, val_loss=1 / e) for e in (1, 2, 3)]
    figures.learning_curves(history, tmp_path / "without.png", "x · dot: the chosen epoch")
    figures.learning_curves(history, tmp_path / "with.png", "x", chosen={0: 2})
    assert (drawn(tmp_path / "without.png") != drawn(tmp_path / "with.png")).any()


def test_patients_are_counted_once_and_unknown_ones_not_at_all() -> None:
    counts = figures._images_and_patients(np.array([0, 0, 0, 1]), ["a", "a", "", "a"], 3)
    assert counts == [(3, 1), (1, 1), (0, 0)]


@pytest.mark.parametrize("count", [1, 5, 16, pytest.param(40, marks=pytest.mark.slow)])
def test_sample_grids_of_any_size(tmp_path: Path, texts: list[str], count: int) -> None:
    pictures.sample_grid(images(count), ["BI-RADS 1"] * count, tmp_path / "grid.png", CONTEXT)
    assert drawn(tmp_path / "grid.png").std() > 1
    assert texts.count("BI-RADS 1") == min(count, 32), "each picture that is shown has its caption"


@pytest.mark.parametrize("shape", [(90, 30), (30, 90), (50, 50)])
def test_pictures_are_not_stretched(tmp_path: Path, shape: tuple[int, int]) -> None:
    darkness = np.zeros((1, *shape))  # on a white sheet
    pictures.sample_grid(darkness, [""], tmp_path / "grid.png", "")
    black = (drawn(tmp_path / "grid.png") < 10).all(axis=2)
    black[: black.shape[0] // 8] = False  # the title
    rows = np.flatnonzero(black.mean(axis=1) > 0.02)
    columns = np.flatnonzero(black.mean(axis=0) > 0.1)
    assert len(rows) / len(columns) == pytest.approx(shape[0] / shape[1], rel=0.04)


def test_the_same_picture_looks_the_same_in_8_bits_and_floats(tmp_path: Path) -> None:
    grey = images(2)
    pictures.sample_grid(grey, ["", ""], tmp_path / "bytes.png", "")
    pictures.sample_grid(grey / 255.0, ["", ""], tmp_path / "floats.png", "")
    difference = drawn(tmp_path / "bytes.png").astype(int) - drawn(tmp_path / "floats.png")
    assert np.abs(difference).max() <= 2


def test_sixteen_bits_are_shown_in_the_range_they_use(tmp_path: Path) -> None:
    dim = images(1).astype(np.uint16) * 4  # twelve bits at most: black, were the full range shown
    pictures.sample_grid(dim, [""], tmp_path / "grid.png", "")
    pixels = drawn(tmp_path / "grid.png")
    assert pixels[120:250, 60:150].std() > 30


def test_mistakes_come_most_confident_first_and_no_more_than_sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    captions: list[str] = []
    monkeypatch.setattr(pictures, "_caption", lambda axes, row, text, *_: captions.append(text))
    monkeypatch.setattr(style, "save", lambda *_: None)
    confidences = np.linspace(0.1, 0.9, 20)
    names = [f"row {i}" for i in range(20)]
    pictures.misclassified(images(20), ["a"] * 20, ["b"] * 20, confidences.tolist(), names, Path("x"), CONTEXT)
    assert captions[:3] == ["true a", "called b (0.90)", "row 19"]
    assert captions[2::3] == names[:3:-1]


def test_a_sheet_without_mistakes_has_a_note(tmp_path: Path, texts: list[str]) -> None:
    pictures.misclassified(images(0), [], [], [], [], tmp_path / "none.png", CONTEXT)
    assert drawn(tmp_path / "none.png").std() > 1
    assert "no misclassified images" in texts


def test_heat_maps_colour_the_overlay_and_not_the_image(tmp_path: Path) -> None:
    grey, heat = images(3), np.zeros((3, 40, 30))
    pictures.heat_maps(grey, heat, ["t"] * 3, tmp_path / "cold.png", CONTEXT)
    heat[:, 10:20, 10:20] = 1
    pictures.heat_maps(grey, heat, ["t"] * 3, tmp_path / "hot.png", CONTEXT)
    cold, hot = drawn(tmp_path / "cold.png"), drawn(tmp_path / "hot.png")
    changed = np.flatnonzero((cold != hot).any(axis=(0, 2)))
    assert len(changed) > 0
    first_picture = 1.75 * 30 / 40 * style.DPI  # its right edge lies beyond this
    assert changed.min() > first_picture


def test_lesions_are_outlined(tmp_path: Path) -> None:
    outlines: list[list[pictures.Outline] | None] = [[(5, 5, 20, 15, "circle"), (2, 2, 9, 9, "box")], None]
    pictures.heat_maps(images(2), np.zeros((2, 40, 30)), ["t", "t"], tmp_path / "map.png", CONTEXT, outlines)
    cyan = np.abs(drawn(tmp_path / "map.png").astype(int) - [0x5E, 0xF2, 0xFF]).max(axis=2) < 12
    assert cyan.sum() > 50


def curves(path: Path) -> None:
    figures.learning_curves([line(0, 1), line(0, 2)], path, CONTEXT)


def grid(path: Path) -> None:
    pictures.sample_grid(images(2), ["a", "b"], path, CONTEXT)


def test_a_figure_that_cannot_be_drawn_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, file: Path, **_: Any) -> None:
        Path(file).write_bytes(b"half a figure")
        raise RuntimeError("the pen broke")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(RuntimeError, match="the pen broke"):
        curves(tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        curves(tmp_path / "file" / "curves.png")


@pytest.mark.parametrize("draw", [curves, grid])
def test_figures_drawn_by_threads_are_the_same(tmp_path: Path, draw: Callable[[Path], None]) -> None:
    draw(tmp_path / "alone.png")
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(draw, paths))
    assert {path.read_bytes() for path in paths} == {(tmp_path / "alone.png").read_bytes()}


def test_colours_of_up_to_five_classes_stay_apart_in_grey_beside_each_other() -> None:
    for k in range(2, 8):
        colours = style.class_colours(k)
        assert len(set(colours)) == k
        greys = [Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)) for colour in colours]
        if k <= 5:
            assert np.abs(np.diff(np.array(greys, dtype=float))).min() >= 20, f"{k} classes: {greys}"


@pytest.mark.parametrize(
    ("count", "most", "shape"), [(16, 6, (4, 4)), (8, 6, (2, 4)), (7, 6, (2, 4)), (1, 6, (1, 1)), (15, 3, (5, 3))]
)
def test_grids_are_filled_evenly(count: int, most: int, shape: tuple[int, int]) -> None:
    assert style.grid_shape(count, most) == shape


def test_text_is_made_safe_and_short() -> None:
    assert style.plain("cost $5 or $6\nmore") == r"cost \$5 or \$6 more"
    assert style.plain("乳") == "\N{REPLACEMENT CHARACTER}"
    short = style.fitted("a name that is far too long", 1.0)
    assert short.startswith("a name")
    assert short.endswith("long")
    assert "…" in short
    assert len(short) < 16
