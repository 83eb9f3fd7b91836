"""`birads-zoo predict`: what an exported model says of pictures."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from birads_zoo.api.opening import open_installed_host
from birads_zoo.cli.plugins import plugin_option
from birads_zoo.errors import UserError
from birads_zoo.files import whole_file, whole_folder

if TYPE_CHECKING:
    from birads_zoo.artifact.manifest import Manifest
    from birads_zoo.artifact.model import Explanation, Model
    from birads_zoo.artifact.samples import Sample


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILES|FOLDER|TABLE")
@click.option("--out", type=click.Path(path_type=Path), metavar="CSV", help="The table to write.  [default: stdout]")
@click.option(
    "--explain",
    is_flag=True,
    help="Draw a heat map for each prediction, in a folder beside the table. Not for onnx, which has no gradients.",
)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Pictures judged at once."
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
    """Predict pictures with an exported MODEL: a row each, with calibrated probabilities, a set and warnings.

    FILES are pictures, a FOLDER's pictures are taken with all below it, and a TABLE (CSV, TSV or XLSX) names them in
    its column image_path. A model that looks at several views of a patient needs a table, with the columns patient_id,
    laterality and view besides, and exam_id or study_date where a patient has several exams; a row in which views are
    absent has a warning. A model whose labels are of breasts or exams has a row for each of these, with its first
    picture's path. A picture that cannot be read, or is in no breast or exam, has a row with the reason, and the exit
    status is 1. Research use only.
    """
    from birads_zoo.artifact.model import open_model
    from birads_zoo.artifact.rows import named_pictures
    from birads_zoo.data.index.view_names import UNITS
    from birads_zoo.progress import Screen

    if explain and out is None:
        raise UserError("--explain draws its heat maps beside the table: say where with --out")
    host = open_installed_host(plugin_files)
    opened = open_model(model, host, device)
    pictures = named_pictures(files)
    samples = list(opened.samples(pictures))
    screen = Screen()
    unread = warned = 0
    with (
        _maps_beside(out) if explain and out is not None else contextlib.nullcontext() as maps,
        _opened(out) as file,
        screen.bar("predicting", len(samples)) as show,
    ):
        for done, (failed, doubted) in enumerate(_written(opened, samples, batch_size, file, maps), start=1):
            unread, warned = unread + failed, warned + doubted
            show(done, "")
    what = UNITS[opened.manifest.level] if opened.manifest.level != "image" else "pictures"
    screen.say(
        f"{len(samples)} {what[:-1] if len(samples) == 1 else what}: {warned} with warnings, {unread} unreadable"
    )
    screen.say(opened.notice)
    if out is not None:
        screen.say(f"predictions: {out}")
    return 1 if unread else 0


def _written(
    model: Model, samples: Sequence[Sample], batch_size: int, file: TextIO, maps: Path | None
) -> Iterator[tuple[bool, bool]]:
    """Write a row for each sample; yield whether it could not be read, and whether it was warned of."""
    from birads_zoo.artifact.rows import as_row, columns_of

    views = model.manifest.view_names if model.manifest.recipe.model.fusion == "attention" else ()
    columns = columns_of(model.classes, views) + ["heat_map"] * (maps is not None)
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    predictions = model.predict_prepared(model.read(samples), batch_size)
    for number, (sample, prediction) in enumerate(zip(samples, predictions, strict=True), start=1):
        row = as_row(prediction, model.classes)
        if maps is not None and not prediction.error:
            row["heat_map"] = f"{number:05d}-{Path(prediction.source).stem}.png"
            shown = model.explain(sample, prediction.predicted)
            _draw(maps / str(row["heat_map"]), shown, model.manifest)
        writer.writerow(row)
        yield bool(prediction.error), bool(prediction.warnings)


def _draw(path: Path, shown: Explanation, manifest: Manifest) -> None:
    """Draw a heat map with what a reader of the file alone must know: the class, the explainer, and its verdict."""
    import numpy as np

    from birads_zoo.report.drawing.overlays import draw_overlay

    judged = manifest.heat_maps
    draw_overlay(
        path,
        shown.picture,
        shown.heat,
        np.zeros(shown.heat.shape, np.bool_),
        f"{manifest.recipe.explainer.name}: evidence for {shown.label}",
        f"research use only{f'; on the training run it {judged.verdict}' if judged.faithful else ''}",
        "" if judged.faithful else judged.verdict,
    )


@contextlib.contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with whole_file(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def _maps_beside(out: Path) -> Iterator[Path]:
    folder = out.with_name(f"{out.stem}-heat-maps")
    if folder.exists():
        raise UserError(f"{folder} exists already; remove it, or name another table with --out")
    with whole_folder(folder) as temporary:
        yield temporary
