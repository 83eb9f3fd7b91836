"""Measures what the neutral geometry hides: file formats predicted from stored pixels with and without it, on phantoms.

Prints a Markdown table of the probe's AUC, for formats that follow the category and for the same formats drawn by
woman, and draws the pictures that a network is given. "lesions alone" is the probe on pictures that all have one
format; it predicts the format that their category would have had. This is the part of the AUC that comes from the
findings, not from the files.

    python bench/neutral.py --seeds 1 2 3 --figure docs/images/neutral.png
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.data.index.audit import check_files, check_rows
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.store.pixels import build_store
from birads_zoo.files import check_file, make_folder
from birads_zoo.inspection.formats.probe import probe, source_formats
from birads_zoo.interfaces import DatasetContext, Index
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions, Shortcut
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import ImageSection
from birads_zoo.report.drawing import style

SIZES = ((224, 224), (128, 96))
KINDS: dict[Shortcut, str] = {
    "shuffled-size": "sizes, drawn by woman",
    "size": "sizes, by category",
    "shuffled-format": "mode and quality, drawn by woman",
    "format": "mode and quality, by category",
}
SHOWN = ("1", "3", "4", "5")
CONTEXT = "synthetic files framed by category, as KAUMDS' are; stored at 128×96"


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--figure", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.figure is not None:
        check_file(arguments.figure)  # before anything is computed
        make_folder(arguments.figure.parent)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.figure is not None:
            draw(phantom("size", arguments.seeds[0], 12, Path(folder)), Path(folder) / "cache", arguments.figure)
        print("| formats | stored | as stored | neutral | neutral, lesions alone |\n| --- | --- | --- | --- | --- |")
        for kind, words in KINDS.items():
            for height, width in SIZES:
                rows = [measure(kind, seed, arguments.patients, (height, width)) for seed in arguments.seeds]
                cells = [" · ".join(f"{auc:.2f}" for auc in column) for column in zip(*rows, strict=True)]
                print("|", " | ".join([words, f"{height}×{width}", *cells, *["–"] * (3 - len(cells))]), "|", flush=True)


def phantom(kind: Shortcut, seed: int, patients: int, folder: Path) -> Index:
    """Make a phantom in `folder`, and return its rows."""
    root = folder / f"{kind}-{seed}-{patients}"
    generate(root, PhantomOptions(seed=seed, shortcut=kind, patients=patients, damaged=0))
    return check_files(check_rows(load_host().dataset("phantom").load(DatasetContext(root=root))))


def measure(kind: Shortcut, seed: int, patients: int, size: tuple[int, int]) -> list[float]:
    """Return the probe's AUC as stored and neutral and, if formats follow categories, that of the lesions alone."""
    section = ImageSection(height=size[0], width=size[1])
    with tempfile.TemporaryDirectory() as folder:
        index = phantom(kind, seed, patients, Path(folder))
        formats = source_formats(file_facts(index))
        aucs = [format_auc(index, on, formats, seed, Path(folder)) for on in (section, neutral(section))]
        if not kind.startswith("shuffled"):
            clean = phantom("none", seed, patients, Path(folder))
            format_of = dict(zip(index.rows["assessment"], formats, strict=True))
            supposed = np.array([format_of[category] for category in clean.rows["assessment"]])
            aucs.append(format_auc(clean, neutral(section), supposed, seed, Path(folder)))
    return aucs


def format_auc(index: Index, section: ImageSection, formats: NDArray[np.str_], seed: int, cache: Path) -> float:
    """Return the probe's AUC for the `formats` of the rows of `index`, stored as `section` says."""
    store, _ = build_store(index, section, cache)
    auc = probe(store.array, formats, index.rows["patient_id"].to_numpy(dtype=np.str_), seed).auc
    assert auc is not None
    return auc


def neutral(section: ImageSection) -> ImageSection:
    """Return `section` with the neutral geometry."""
    return msgspec.structs.replace(section, neutral=True)


def draw(index: Index, cache: Path, path: Path) -> None:
    """Draw a file of each category: the file, as stored, and as stored with the neutral geometry."""
    section = ImageSection(height=128, width=96)
    plain, even = (build_store(index, on, cache)[0].array for on in (section, neutral(section)))
    oblique = index.rows["view"] == "MLO"
    at = [int(np.flatnonzero(oblique & (index.rows["assessment"] == category))[0]) for category in SHOWN]
    files = [np.asarray(Image.open(index.root / index.rows["image_path"][row])) for row in at]
    figure = style.chart(8.4, 7.8, "What a network is given, without and with the neutral geometry", CONTEXT)
    grid = figure.subplots(3, len(at), gridspec_kw={"height_ratios": (1, 1.1, 1.1)})
    for row, (name, pictures) in enumerate((("file", files), ("as stored", plain[at]), ("neutral", even[at]))):
        for column, picture in enumerate(pictures):
            axes = grid[row, column]
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            style.tidy(axes)
            axes.set_xticks([])
            axes.set_yticks([])
            size = f"BI-RADS {SHOWN[column]}, {picture.shape[0]}×{picture.shape[1]}" if row == 0 else ""
            style.name_axes(axes, x=size, y=name if column == 0 else "")
    style.save(figure, path)


if __name__ == "__main__":
    main()
