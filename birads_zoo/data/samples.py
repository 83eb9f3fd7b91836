"""From usable pictures to samples with a label each: a picture's, a breast's or a patient's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data import classes as classes_room
from birads_zoo.data.audit import Labelled, Reasons, check_kept, drop, number_classes, select_classes
from birads_zoo.data.views import Samples, grouped_samples, own_samples, why_unused
from birads_zoo.interfaces import INDEX_COLUMNS, Index, Target

_OWN_CELLS = ("row", "image_path", "lesions")  # in which a sample's row repeats its first picture's


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """n samples: `labelled` has a row and a label for each, `samples` its pictures by their place in the index given.

    `used` are the rows that are in a sample, a row a picture; its audit says of every other row why it is in none.
    """

    labelled: Labelled
    samples: Samples
    used: Index


def label_samples(index: Index, target: Target, keep: Sequence[str], views: str) -> Sampled:
    """Put an index's pictures together to samples of these `views`, and label each at the target's level.

    At the level "image" every labelled row is a sample, and its partners need no label of their own. At the levels
    "breast" and "patient" every breast or exam is one, whose label is that of its rows: a row without a value takes
    the others', and where two rows are of different classes (one that is not kept counts as one more) the sample is
    dropped as "contradicting labels". Its own row then has the first picture's number, path and lesions; every other
    cell says what all its pictures say, and is empty where they differ.

    Raises:
        UserError: as `select_classes` does, and where no sample has a second picture.

    """
    if target.level == "image":
        samples = own_samples(index.rows, views)
        labelled = select_classes(index, target, keep)
        places = np.flatnonzero(index.rows["row"].isin(labelled.index.rows["row"]))
        assert len(places) == len(labelled.labels), "a row has no picture of its own"
        return Sampled(labelled=labelled, samples=samples[places], used=labelled.index)
    samples, of = grouped_samples(index.rows, views, target.level)
    names = classes_room.class_names(index, target)
    check_kept(target, keep, names)
    reasons: Reasons = {row: (reason, detail) for row, reason, detail in why_unused(index.rows, samples, of)}
    found, unlabelled = _classes_of_samples(index, target, keep, of, len(samples))
    reasons = unlabelled | reasons
    chosen = np.array([number for number, name in enumerate(found) if name is not None], np.int64)
    used = drop(index, reasons)
    rows, kept = _rows_of_samples(index.rows, samples[chosen]), [name for name in found if name is not None]
    return Sampled(
        labelled=number_classes(replace(used, rows=rows), kept, target, keep, names),
        samples=samples[chosen],
        used=used,
    )


def _classes_of_samples(
    index: Index, target: Target, keep: Sequence[str], of: NDArray[np.int64], count: int
) -> tuple[list[str | None], Reasons]:
    """Return the class of each of `count` samples, `None` where it has none, and for its rows then the reason."""
    values = classes_room.values(index, target)
    named = [name if not keep or name in keep else None for name in classes_room.find_classes(index, target)]
    numbers = index.rows["row"].tolist()
    found: list[str | None] = [None] * count
    reasons: Reasons = {}
    for sample in range(count):
        rows = np.flatnonzero(of == sample).tolist()
        told = [row for row in rows if values[row]]
        classes = {named[row] for row in told}
        said = ", ".join(f"{values[row]} in row {numbers[row]}" for row in told)
        if not told:
            reasons |= dict.fromkeys(rows, (f"no {target.column}", ""))
        elif len(classes) > 1:
            reasons |= dict.fromkeys(rows, ("contradicting labels", f"{target.column} {said}"))
        elif classes == {None}:
            reasons |= dict.fromkeys(rows, ("excluded category", f"{target.column} {said}"))
        else:
            (found[sample],) = classes
    return found, reasons


def _rows_of_samples(rows: pd.DataFrame, samples: Samples) -> pd.DataFrame:
    """Return a row for each sample, in its order: its first picture's, with what all of its pictures say."""
    made = rows.iloc[samples.pictures[:, 0]].reset_index(drop=True)
    for name in (name for name in INDEX_COLUMNS if name not in _OWN_CELLS):
        cells, blank = rows[name].to_numpy(), np.nan if name == "age" else ""
        told = [
            _common(cells[pictures[there]], blank)
            for pictures, there in zip(samples.pictures, samples.present, strict=True)
        ]
        made[name] = pd.Series(told, dtype=rows[name].dtype)
    return made


def _common(cells: NDArray[Any], blank: object) -> object:
    """Return what the cells say that are not blank, and a blank where they say different things or nothing."""
    told = {cell for cell in cells.tolist() if cell != "" and pd.notna(cell)}
    return told.pop() if len(told) == 1 else blank
