"""From usable pictures to samples with a label each: a picture's, a breast's or a patient's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.index import classes as classes_room
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

_OWN_CELLS = ("row", "image_path", "lesions")  # in which a sample's row repeats its first picture's
_WHOLE_CELLS = ("split",)  # in which a blank says something: a picture in no part of a split is not to be trained on


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """n samples: `labelled` has a row and a label for each, `samples` its pictures by their place in the index given.

    `used` are the rows that are in a sample, a row a picture; its audit says of every other row why it is in none.
    """

    labelled: Labelled
    samples: Samples
    used: Index


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSamples:
    """n samples that have a class each, before the classes are numbered; see `Sampled`."""

    samples: Samples
    classes: list[str]
    used: Index


def label_samples(index: Index, sheet: Index, target: Target, keep: Sequence[str], views: str) -> Sampled:
    """Put an index's pictures together to samples, see `find_samples`, and number their classes.

    Its own row has the number, path and lesions of a sample's first picture; every other cell says what all its
    pictures say that do not leave it blank, and is empty where they differ. `split` must be said by all: a sample
    with a picture in no part of the official split, or with pictures in several, is in none.

    Raises:
        UserError: as `select_classes` does, and where no sample has a second picture.

    """
    found = find_samples(index, sheet, target, keep, views)
    require_partners(found.samples, views)
    rows = found.used.rows if target.level == "image" else _rows_of_samples(index.rows, found.samples)
    names = classes_room.class_names(sheet, target)
    return Sampled(
        labelled=number_classes(replace(found.used, rows=rows), found.classes, target, keep, names),
        samples=found.samples,
        used=found.used,
    )


def find_samples(index: Index, sheet: Index, target: Target, keep: Sequence[str], views: str) -> LabelledSamples:
    """Return the samples of these `views` that have a class at the target's level.

    At the level "image" every labelled row is a sample, and its partners need no label of their own. At the levels
    "breast" and "patient" every breast or exam is one, whose class is that of its rows in `sheet`: the index as it was
    before rows without a usable picture were dropped, because a row says the same of its patient with and without one.
    A row without a value takes the others', and where two rows are of different classes (one that is not kept counts
    as one more) the sample is dropped as "contradicting labels".

    Raises:
        UserError: for a name in `keep` that is no class, and for a level that does not fit the views.

    """
    if target.level == "image":
        used = drop_unlabelled(index, target, keep)
        places = np.flatnonzero(index.rows["row"].isin(used.rows["row"]))
        assert len(places) == len(used.rows), "a row has no picture of its own"
        names = [name for name in classes_room.find_classes(used, target) if name is not None]
        return LabelledSamples(samples=own_samples(index.rows, views)[places], classes=names, used=used)
    check_kept(target, keep, classes_room.class_names(sheet, target))
    samples, of = grouped_samples(index.rows, views, target.level)
    classes, none = _classes_of_units(sheet, target, keep)
    units = units_of(index.rows, target.level)
    kept = samples[[units[first] in classes for first in samples.pictures[:, 0].tolist()]]
    reasons = {row: none[units[row]] for row in np.flatnonzero(of >= 0).tolist() if units[row] in none}
    reasons |= {row: (reason, detail) for row, reason, detail in why_unused(index.rows, samples, of)}
    return LabelledSamples(
        samples=kept,
        classes=[classes[units[first]] for first in kept.pictures[:, 0].tolist()],
        used=drop(index, reasons),
    )


def _classes_of_units(
    sheet: Index, target: Target, keep: Sequence[str]
) -> tuple[dict[Unit, str], dict[Unit, tuple[str, str]]]:
    """Return the class of each breast or exam that has one, and of each other why it has none."""
    values, numbers = classes_room.values(sheet, target), sheet.rows["row"].tolist()
    named = [name if not keep or name in keep else None for name in classes_room.find_classes(sheet, target)]
    rows_of: dict[Unit, list[int]] = defaultdict(list)
    for row, unit in enumerate(units_of(sheet.rows, target.level)):
        rows_of[unit] += [row] if values[row] else []  # a unit without a value is one too
    classes: dict[Unit, str] = {}
    none: dict[Unit, tuple[str, str]] = {}
    for unit, rows in rows_of.items():
        detail = f"{target.column} " + ", ".join(f"{values[row]} in row {numbers[row]}" for row in rows)
        found = {named[row] for row in rows}
        only = next(iter(found), None)
        if not rows:
            none[unit] = (f"no {target.column}", "")
        elif len(found) > 1:
            none[unit] = ("contradicting labels", detail)
        elif only is None:
            none[unit] = ("excluded category", detail)
        else:
            classes[unit] = only
    return classes, none


def _rows_of_samples(rows: pd.DataFrame, samples: Samples) -> pd.DataFrame:
    """Return a row for each sample, in its order: its first picture's, with what all of its pictures say.

    Blanks say nothing, but for those of `_WHOLE_CELLS`.
    """
    made = rows.iloc[samples.pictures[:, 0]].reset_index(drop=True)
    for name in (name for name in rows if name not in _OWN_CELLS):
        cells = rows[name].to_numpy(dtype=object)
        numeric = pd.api.types.is_numeric_dtype(rows[name])
        count = np.ones(len(cells), dtype=np.bool_) if name in _WHOLE_CELLS else ~_blank(cells)
        told = [
            _common(cells[own[count[own]]], np.nan if numeric else "")
            for own in (pictures[there] for pictures, there in zip(samples.pictures, samples.present, strict=True))
        ]
        # Whole numbers become floats where a cell is blank, and truth values objects, as pandas has it.
        made[name] = pd.Series(told, dtype=None if numeric else rows[name].dtype)
    return made


def _blank(cells: NDArray[Any]) -> NDArray[np.bool_]:
    found = [pd.api.types.is_scalar(cell) and bool(pd.isna(cell) or cell == "") for cell in cells.tolist()]
    return np.array(found, dtype=np.bool_)


def _common(cells: NDArray[Any], blank: object) -> object:
    """Return what all cells say, and a blank where they say different things or there are none."""
    told = cells.tolist()
    return told[0] if told and all(cell == told[0] for cell in told) else blank
