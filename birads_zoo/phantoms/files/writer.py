"""Writes a phantom to disk: KAUMDS' folder tree and sheet, and the truth about its lesions."""

import io
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.files import lock, make_folder, whole_folder
from birads_zoo.phantoms.categories import CATEGORIES, LESION_CATEGORIES
from birads_zoo.phantoms.cohort import Cohort, Damage, Laterality, Woman, draw_cohort, exposures
from birads_zoo.phantoms.drawing.anatomy import draw_build
from birads_zoo.phantoms.drawing.fields import Plane
from birads_zoo.phantoms.drawing.film import expose, frame, mirror
from birads_zoo.phantoms.drawing.tissue import draw_breast
from birads_zoo.phantoms.files.dicom_file import Exposure, dicom_bytes
from birads_zoo.phantoms.files.extras import draw_extras, with_extras
from birads_zoo.phantoms.files.sheet import FILE_NAME, write_sheet
from birads_zoo.phantoms.findings import Finding, draw_finding
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.phantoms.truth import PROBABILITIES_FILE, TRUTH_FILE, Truth, write_probabilities, write_truths
from birads_zoo.randomness import numpy_generator

_THREADS = 2
_QUALITY = 92
_FORMATS = {"1": ("RGB", 95), "3": ("L", 88), "4": ("L", 75), "5": ("RGB", 60)}  # mode and JPEG quality
_SUFFIXES = {"jpeg": ".jpg", "dicom": ".dcm"}


def generate(out: Path, options: PhantomOptions) -> None:
    """Write a phantom to the folder `out`, completely or not at all. The same options give the same bytes.

    Raises `UserError` if `out` is a file or a folder that is not empty, or cannot be written.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists already: choose a new or empty folder for the phantom")
    cohort = draw_cohort(options)
    with whole_folder(out) as folder:
        for category in CATEGORIES:
            (folder / "mammograms" / f"BIRAD {category}").mkdir(parents=True)
        (folder / "truth" / "masks").mkdir(parents=True)
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            results = pool.map(lambda woman: _write_woman(folder, woman, cohort.damage, options), cohort.pictured)
            truths = [truth for of_woman in results for truth in of_woman]
        write_truths(folder / TRUTH_FILE, truths)
        planted = options.shortcut in {"size", "format"}
        write_probabilities(folder / PROBABILITIES_FILE, cohort, _SUFFIXES[options.format], planted=planted)
        write_sheet(folder / FILE_NAME, cohort, options.seed)


def generate_once(parent: Path, options: PhantomOptions) -> Path:
    """Return the folder below `parent` with the phantom of these options, and write it if it does not exist.

    Other processes that need the same phantom wait until it is written. Raises `UserError` if it cannot be written.
    """
    folder = make_folder(parent) / options.digest
    with lock(folder.with_suffix(".lock"), "waiting for another process that is making the same phantom", wait=True):
        if not folder.exists():
            generate(folder, options)
    return folder


def count_pictures(cohort: Cohort) -> dict[str, int]:
    """Return the number of undamaged pictures of each category."""
    counts = cohort.counts()
    for path in cohort.damage:
        counts[PurePosixPath(path).parent.name.removeprefix("BIRAD ")] -= 1
    return counts


def _write_woman(folder: Path, woman: Woman, damage: Mapping[str, Damage], options: PhantomOptions) -> list[Truth]:
    generator = numpy_generator(options.seed, "phantom", "woman", woman.number)
    build = draw_build(generator, woman.density)
    extras = draw_extras(numpy_generator(options.seed, "phantom", "extras", woman.number))
    findings = {side: _finding(woman, side, generator) for side in ("R", "L")}
    shuffled = options.shortcut.startswith("shuffled-")
    like = numpy_generator(options.seed, "phantom", "format", woman.number).choice(CATEGORIES) if shuffled else ""
    truths: list[Truth] = []
    for side, view in exposures():
        finding, category = findings[side], woman.category(side)
        file_category = str(like) or category  # its files have the same size or format
        breast = draw_breast(build, view, options.height, options.width, generator, implant=extras.implant)
        picture = expose(breast, build, finding, view, generator)
        if side == "R":
            picture = mirror(picture)
        picture = with_extras(picture, extras, side, view, generator)
        if options.shortcut.endswith("size"):
            picture = frame(picture, file_category, generator)
        stem = woman.image_path(view, side)
        path = stem + _SUFFIXES[options.format]
        if options.format == "dicom":
            exposure = Exposure(woman=woman, side=side, view=view, height=options.height, implant=extras.implant)
            content = dicom_bytes(picture, exposure, options.seed)
        else:
            mode, quality = _FORMATS[file_category] if options.shortcut.endswith("format") else ("L", _QUALITY)
            content = _jpeg(picture.grey, mode, quality)
        _write_picture(folder / path, content, damage.get(stem))
        if picture.mask is not None and finding is not None:
            mask_path = f"truth/masks/{PurePosixPath(stem).name}.png"
            Image.fromarray(np.asarray(picture.mask, np.uint8) * 255).save(folder / mask_path)
            truths.append(Truth.of(path, mask_path, category, finding, picture.mask))
    return truths


def _finding(woman: Woman, side: Laterality, generator: np.random.Generator) -> Finding | None:
    if woman.suspicion is None or woman.category(side) not in LESION_CATEGORIES:
        return None
    return draw_finding(woman.suspicion, generator)


def _jpeg(grey: Plane, mode: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(grey * 255, np.uint8)).convert(mode).save(buffer, "JPEG", quality=quality)
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
