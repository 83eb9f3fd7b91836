"""A phantom on the disk: KAUMDS' folder tree and sheet, and the truth about its lesions beside."""

import csv
import io
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.files import make_folder, whole_folder
from birads_zoo.phantoms import anatomy, film, lesions
from birads_zoo.phantoms.cohort import CATEGORIES, Cohort, Damage, Woman, draw_cohort, exposures
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.phantoms.sheet import FILE_NAME, write_sheet
from birads_zoo.randomness import numpy_generator

TRUTH_FILE = "truth/lesions.csv"
TRUTH_COLUMNS = ("image_path", "mask_path", "category", "kind", "x", "y", "radius")
"""The truth's columns: paths below the root, and a circle around the lesion in pixels, origin at the top left."""

_THREADS = 2
_QUALITY = 92
_FORMATS = {"1": ("RGB", 95), "3": ("L", 88), "4": ("L", 75), "5": ("RGB", 60)}  # mode and JPEG quality


@dataclass(frozen=True, kw_only=True)
class _Truth:
    image_path: str
    mask_path: str
    category: str
    kind: str
    x: float
    y: float
    radius: float


def generate(out: Path, options: PhantomOptions) -> None:
    """Write a phantom to the folder `out`, whole or not at all; the same options give the same bytes.

    Raises `UserError` when `out` is a file or a folder that is not empty, or cannot be written.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists already: choose a new or empty folder for the phantom")
    cohort = draw_cohort(options)
    with whole_folder(out) as folder:
        for category in CATEGORIES:
            (folder / "mammograms" / f"BIRAD {category}").mkdir(parents=True)
        (folder / "truth" / "masks").mkdir(parents=True)
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            found = list(pool.map(lambda woman: _write_woman(folder, woman, cohort.damage, options), cohort.pictured))
        _write_truth(folder / TRUTH_FILE, [truth for truths in found for truth in truths])
        write_sheet(folder / FILE_NAME, cohort, options.seed)


def generate_once(parent: Path, options: PhantomOptions) -> Path:
    """Return the folder below `parent` that holds the phantom of these options, and make it if it is not there.

    Another process that needs the same one meanwhile waits for it. Raises `UserError` when it cannot be written.
    """
    folder = make_folder(parent) / options.digest
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            generate(folder, options)
    return folder


def count_pictures(cohort: Cohort) -> dict[str, int]:
    """Return how many whole pictures each category has."""
    counts = cohort.counts()
    for path in cohort.damage:
        counts[PurePosixPath(path).parent.name.removeprefix("BIRAD ")] -= 1
    return counts


def _write_woman(folder: Path, woman: Woman, damage: Mapping[str, Damage], options: PhantomOptions) -> list[_Truth]:
    generator = numpy_generator(options.seed, "phantom", "woman", woman.number)
    build = anatomy.draw_build(generator, woman.density)
    findings = {
        side: None if woman.category(side) == "1" else lesions.draw_finding(generator, woman.category(side))
        for side, view in exposures()
        if view == "CC"
    }
    shuffled = options.shortcut.startswith("shuffled-")
    like = numpy_generator(options.seed, "phantom", "format", woman.number).choice(CATEGORIES) if shuffled else ""
    truths: list[_Truth] = []
    for side, view in exposures():
        finding, category = findings[side], woman.category(side)
        told = str(like) or category  # the category whose files these are like
        breast = anatomy.draw_breast(build, view, options.height, options.width, generator)
        picture = film.expose(breast, build, finding, view, generator)
        if side == "R":
            picture = film.mirror(picture)
        if options.shortcut.endswith("size"):
            picture = film.frame(picture, told, generator)
        path = woman.image_path(view, side)
        mode, quality = _FORMATS[told] if options.shortcut.endswith("format") else ("L", _QUALITY)
        _write_picture(folder / path, _jpeg(picture.pixels, mode, quality), damage.get(path))
        if picture.mask is not None and finding is not None:
            mask_path = f"truth/masks/{PurePosixPath(path).stem}.png"
            Image.fromarray(np.asarray(picture.mask, np.uint8) * 255).save(folder / mask_path)
            x, y, radius = _circle(picture.mask)
            truths.append(
                _Truth(
                    image_path=path,
                    mask_path=mask_path,
                    category=category,
                    kind=finding.kind,
                    x=x,
                    y=y,
                    radius=radius,
                )
            )
    return truths


def _jpeg(pixels: NDArray[np.uint8], mode: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _write_picture(path: Path, content: bytes, damage: Damage | None) -> None:
    match damage:
        case None:
            path.write_bytes(content)
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "html":
            path.write_text("<!DOCTYPE html>\n<html><body>404: file not found</body></html>\n", encoding="utf-8")
        case "missing":
            pass


def _circle(mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the centre of the mask's bounding box, and the radius that takes in every pixel's centre."""
    ys, xs = np.nonzero(mask)
    x, y = (xs.min() + xs.max() + 1) / 2, (ys.min() + ys.max() + 1) / 2
    return float(x), float(y), float(np.hypot(xs + 0.5 - x, ys + 0.5 - y).max() + 0.5)


def _write_truth(path: Path, truths: list[_Truth]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        for truth in truths:
            circle = [f"{value:.2f}" for value in (truth.x, truth.y, truth.radius)]
            writer.writerow([truth.image_path, truth.mask_path, truth.category, truth.kind, *circle])
