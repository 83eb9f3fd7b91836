"""Groups usable pictures into samples, each with the label of a picture, a breast or a patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.index import classes as index_classes
from birads_zoo.data.index.audit import Labelled, check_kept, drop, drop_unlabelled, number_classes
from birads_zoo.data.index.views import (
    Samples,
    Unit,
    grouped_samples,
    own_samples,
    require_partners,
    units_of,
    why_unused,
)
from birads_zoo.interfaces import Index, Target

_FIRST_CELLS = ("row", "image_path", "lesions")  # a sample's row repeats those of its first picture
_WHOLE_CELLS = ("split",)  # a blank is a value here: a picture in no part of a split must not be trained on


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """n samples: `labelled` has a row and a label for each, `samples` its pictures by their positions in the index.

    `used` has a row for each picture of a sample. Its audit gives the reason for every other row.
    """

    labelled: Labelled
    samples: Samples
    used: Index


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSamples:
    """n samples with a class each, before the classes are numbered; see `Sampled`."""

    samples: Samples
    classes: list[str]
    used: Index


def label_samples(index: Index, sheet: Index, target: Target, keep: Sequence[str], views: str) -> Sampled:
    """Group an index's pictures into samples (see `find_samples`) and number their classes.

    A sample's row has the number, path and lesions of its first picture. Every other cell has the value that all of
    its pictures have, ignoring blanks, and is blank if they differ. For `split` blanks count: a sample with a picture
    in no part of the official split, or with pictures in several parts, is in none.

    Raises:
        UserError: as `select_classes`, and if no sample has a second picture.

    """
    chosen = find_samples(index, sheet, target, keep, views)
    require_partners(chosen.samples, views)
    rows = chosen.used.rows if target.level == "image" else _rows_of_samples(index.rows, chosen.samples)
    names = index_classes.class_names(sheet, target)
    return Sampled(
        labelled=number_classes(replace(chosen.used, rows=rows), chosen.classes, target, keep, names),
        samples=chosen.samples,
        used=chosen.used,
    )


def find_samples(index: Index, sheet: Index, target: Target, keep: Sequence[str], views: str) -> LabelledSamples:
    """Return the samples of these `views` that have a class at the target's level.

    At the level "image" every labelled row is a sample, and its partners need no label. At the levels "breast" and
    "patient" every breast or exam is a sample, and its class is that of its rows in `sheet`. `sheet` is the index
    before rows without a usable picture were dropped, because a row's label holds with and without a picture. Rows
    without a value are ignored. If two rows have different classes (all classes that are not kept count as one more),
    the sample is dropped as "contradicting labels".

    Raises:
        UserError: for a name in `keep` that is not a class, or a level that does not fit the views.

    """
    if target.level == "image":
        used = drop_unlabelled(index, target, keep)
        positions = np.flatnonzero(index.rows["row"].isin(used.rows["row"]))
        assert len(positions) == len(used.rows), "a row has no picture of its own"
        names = [name for name in index_classes.find_classes(used, target) if name is not None]
        return LabelledSamples(samples=own_samples(index.rows, views)[positions], classes=names, used=used)
    check_kept(target, keep, index_classes.class_names(sheet, target))
    samples, sample_of = grouped_samples(index.rows, views, target.level)
    classes, without_class = _classes_of_units(sheet, target, keep)
    units = units_of(index.rows, target.level)
    kept = samples[[units[first] in classes for first in samples.pictures[:, 0].tolist()]]
    grouped = np.flatnonzero(sample_of >= 0).tolist()
    reasons = {row: without_class[units[row]] for row in grouped if units[row] in without_class}
    reasons |= {row: (reason, detail) for row, reason, detail in why_unused(index.rows, samples, sample_of)}
    return LabelledSamples(
        samples=kept,
        classes=[classes[units[first]] for first in kept.pictures[:, 0].tolist()],
        used=drop(index, reasons),
    )


def _classes_of_units(
    sheet: Index, target: Target, keep: Sequence[str]
) -> tuple[dict[Unit, str], dict[Unit, tuple[str, str]]]:
    """Return the class of each breast or exam that has one, and the reason for each that has none."""
    values, numbers = index_classes.values(sheet, target), sheet.rows["row"].tolist()
    named = [name if not keep or name in keep else None for name in index_classes.find_classes(sheet, target)]
    rows_of: dict[Unit, list[int]] = defaultdict(list)
    for row, unit in enumerate(units_of(sheet.rows, target.level)):
        rows_of[unit] += [row] if values[row] else []  # units without a value get an entry too
    classes: dict[Unit, str] = {}
    without_class: dict[Unit, tuple[str, str]] = {}
    for unit, rows in rows_of.items():
        detail = f"{target.column} " + ", ".join(f"{values[row]} in row {numbers[row]}" for row in rows)
        unit_classes = {named[row] for row in rows}
        only = next(iter(unit_classes), None)
        if not rows:
            without_class[unit] = (f"no {target.column}", "")
        elif len(unit_classes) > 1:
            without_class[unit] = ("contradicting labels", detail)
        elif only is None:
            without_class[unit] = ("excluded category", detail)
        else:
            classes[unit] = only
    return classes, without_class


def _rows_of_samples(rows: pd.DataFrame, samples: Samples) -> pd.DataFrame:
    """Return a row for each sample, in their order: its first picture's row, with the values common to its pictures.

    Blanks are ignored, except in `_WHOLE_CELLS`.
    """
    merged = rows.iloc[samples.pictures[:, 0]].reset_index(drop=True)
    for name in (name for name in rows if name not in _FIRST_CELLS):
        cells = rows[name].to_numpy(dtype=object)
        numeric = pd.api.types.is_numeric_dtype(rows[name])
        counted = np.ones(len(cells), dtype=np.bool_) if name in _WHOLE_CELLS else ~_blank(cells)
        values = [
            _common(cells[members[counted[members]]], np.nan if numeric else "")
            for members in (pictures[here] for pictures, here in zip(samples.pictures, samples.present, strict=True))
        ]
        # If a cell is blank, pandas turns integers into floats and booleans into objects.
        merged[name] = pd.Series(values, dtype=None if numeric else rows[name].dtype)
    return merged


def _blank(cells: NDArray[Any]) -> NDArray[np.bool_]:
    blank = [pd.api.types.is_scalar(cell) and bool(pd.isna(cell) or cell == "") for cell in cells.tolist()]
    return np.array(blank, dtype=np.bool_)


def _common(cells: NDArray[Any], blank: object) -> object:
    """Return the value of all cells, or `blank` if they differ or there are none."""
    values = cells.tolist()
    return values[0] if values and all(cell == values[0] for cell in values) else blank
