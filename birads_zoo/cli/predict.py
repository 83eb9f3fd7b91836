"""`birads-zoo predict`: predicts pictures with an exported model."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from birads_zoo.api.opening import open_installed_host
from birads_zoo.cli.options import PATH, plugin_option
from birads_zoo.errors import UserError
from birads_zoo.files import check_file, make_folder, whole_file, whole_folder
from birads_zoo.files.csv_files import csv_writer

if TYPE_CHECKING:
    from birads_zoo.artifact.manifest import Manifest
    from birads_zoo.artifact.model import Explanation, Model
    from birads_zoo.artifact.samples import Sample

_MARK = b"image_path,predicted,probability_"
"""How a table that this command writes begins; no other is replaced."""


@click.command("predict")
@click.argument("model", type=PATH, metavar="MODEL")
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILES|FOLDER|TABLE")
@click.option("--out", type=PATH, metavar="CSV", help="The table to write.  [default: stdout]")
@click.option(
    "--explain",
    is_flag=True,
    help="Draw a heat map for each prediction, in a folder beside the table. Not for onnx, which has no gradients.",
)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Pictures predicted at once."
)
@plugin_option
def command(
    model: Path,
    files: tuple[Path, ...],
    out: Path | None,
    explain: bool,
    device: str,
    batch_size: int,
    plugin_files: tuple[Path, ...],
) -> int:
    """Predict pictures with an exported MODEL: one row for each, with calibrated probabilities, a set and warnings.

    FILES are pictures. A FOLDER stands for all pictures in it and its subfolders. A TABLE (CSV, TSV or XLSX) names
    pictures in its column image_path.

    A model of several views needs a table that also has the columns patient_id, laterality and view, and exam_id or
    study_date where a patient has several exams. A row with missing views has a warning. A model of breasts or exams
    writes one row for each of these, with the path of its first picture.

    A picture that cannot be read, that belongs to no breast or exam, or for which the model gives infinite or NaN
    values has a row with the reason, and the exit status is 1. Research use only.
    """
    from birads_zoo.artifact.model import open_model
    from birads_zoo.artifact.rows import named_pictures
    from birads_zoo.data.index.view_names import UNITS
    from birads_zoo.progress import Screen

    if explain and out is None:
        raise UserError("--explain draws its heat maps beside the table: name the table with --out")
    if out is not None:
        out = check_file(out, _MARK)
    host = open_installed_host(plugin_files)
    opened = open_model(model, host, device)
    pictures = named_pictures(files)
    samples = list(opened.samples(pictures))
    screen = Screen()
    failed = warned = 0
    with (
        _maps_beside(out) if explain and out is not None else contextlib.nullcontext() as maps,
        _opened(out) as file,
        screen.bar("predicting", len(samples)) as show,
    ):
        for done, (without, doubted) in enumerate(_written(opened, samples, batch_size, file, maps), start=1):
            failed, warned = failed + without, warned + doubted
            show(done, "")
    unit = UNITS[opened.manifest.level] if opened.manifest.level != "image" else "pictures"
    counted = f"{len(samples)} {unit[:-1] if len(samples) == 1 else unit}"
    screen.say(f"{counted}: {warned} with warnings, {failed} without a prediction")
    screen.say(opened.notice)
    if out is not None:
        screen.say(f"predictions: {out}")
    return 1 if failed else 0


def _written(
    model: Model, samples: Sequence[Sample], batch_size: int, file: TextIO, maps: Path | None
) -> Iterator[tuple[bool, bool]]:
    """Write a row for each sample; yield whether it has no prediction, and whether it has warnings."""
    from birads_zoo.artifact.rows import as_row, columns_of

    views = model.manifest.view_names if model.manifest.recipe.model.fusion == "attention" else ()
    columns = columns_of(model.classes, views) + ["heat_map"] * (maps is not None)
    write = csv_writer(file)
    write(columns)
    predictions = model.predict_prepared(model.read(samples), batch_size)
    for number, (sample, prediction) in enumerate(zip(samples, predictions, strict=True), start=1):
        row = as_row(prediction, model.classes)
        if maps is not None and not prediction.error:
            row["heat_map"] = f"{number:05d}-{Path(prediction.source).stem}.png"
            explanation = model.explain(sample, prediction.predicted)
            _draw(maps / str(row["heat_map"]), explanation, model.manifest)
        write(row.get(name) for name in columns)
        yield bool(prediction.error), bool(prediction.warnings)


def _draw(path: Path, explanation: Explanation, manifest: Manifest) -> None:
    """Draw a heat map with the facts that a reader of the file needs: the class, the explainer, and its verdict."""
    import numpy as np

    from birads_zoo.report.drawing.overlays import draw_overlay

    tested = manifest.heat_maps
    draw_overlay(
        path,
        explanation.picture,
        explanation.heat,
        np.zeros(explanation.heat.shape, np.bool_),
        f"{manifest.recipe.explainer.name}: evidence for {explanation.label}",
        f"research use only{f'; on the training run it {tested.verdict}' if tested.faithful else ''}",
        "" if tested.faithful else tested.verdict,
    )


@contextlib.contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    make_folder(out.parent)
    with whole_file(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def _maps_beside(out: Path) -> Iterator[Path]:
    folder = out.with_name(f"{out.stem}-heat-maps")
    if folder.exists():
        raise UserError(f"{folder} exists already; remove it, or name another table with --out")
    with whole_folder(folder) as temporary:
        yield temporary
