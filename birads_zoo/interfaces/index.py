"""Defines the values that a data set gives to the engine: rows, lesions, audit entries, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

INDEX_COLUMNS = (
    "row",  # int: the row's number in its source (a sheet's own row number, header = 1), unique
    "image_path",  # str: POSIX path relative to Index.root
    "patient_id",  # str, or "" when unknown
    "exam_id",  # str: one visit of one patient, or ""
    "laterality",  # "L", "R" or ""
    "view",  # "CC", "MLO", another view's name, or ""
    "assessment",  # "0" … "6" (BI-RADS category) or ""
    "label",  # str: the class of a data set without BI-RADS categories, or ""
    "density",  # "A" … "D" (ACR composition) or ""
    "age",  # float: years at the exam, NaN when unknown
    "study_date",  # str as far as known: "2019", "2019-03", "2019-03-14", or ""
    "source",  # str: where the picture was made, such as a scanner or a hospital, or ""
    "split",  # "train", "val" or "test" of the data set's official split, or ""
    "lesions",  # tuple[Lesion, ...]: () when none is known
)
"""The canonical columns of an index, in order. A data set may append columns of its own after them."""


def chance_column(column: str, value: str) -> str:
    """Return the name of the extra column with the chance of a `value` of an index's `column`, such as "assessment".

    A data set may know how likely each value is for each row, because it made the pictures. It can then append such a
    column for each value: floats in [0, 1], NaN if unknown. A value without a column has chance 0. The chances are for
    the data set as it is loaded, with its classes' shares. Every run on it then reports the best possible result
    (`birads_zoo.evaluation.best`).
    """
    return f"chance_{column}_{value}"


Record = Mapping[str, Any]
"""A row of an index to be made: any canonical columns and the data set's own ones. Missing values are unknown."""


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """A marked lesion: its bounding box in the source picture's pixels, origin at the top left.

    `outline` is how the annotator drew it: a circle inscribed in the box, or the box itself. `mask_path` is a picture
    of the same size (relative to the index's root) that is bright inside the lesion, if there is one. A lesion that has
    only a mask has no box (NaN). The engine takes the box from the mask when it is needed, because decoding all masks
    takes as long as decoding all pictures.

    Raises:
        ValueError: for a lesion with neither a complete box nor a mask.

    """

    x0: float = nan
    y0: float = nan
    x1: float = nan
    y1: float = nan
    outline: Literal["circle", "box"] = "circle"
    mask_path: str = ""

    def __post_init__(self) -> None:
        """Refuse a lesion with neither a box nor a mask."""
        if not self.mask_path and not all(map(isfinite, (self.x0, self.y0, self.x1, self.y1))):
            raise ValueError(f"a lesion needs a box (x0, y0, x1, y1) or a mask (mask_path): {self}")


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """A row that was dropped or repaired, and why. `reason` is short and is counted; `detail` is free text.

    "unlisted" is a picture that no row names; its `row` is 0.
    """

    row: int
    image_path: str
    patient_id: str
    action: Literal["dropped", "repaired", "unlisted"]
    reason: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Index:
    """A row per image in the canonical columns, and the record of rows that were dropped or repaired.

    `rows` has at least `INDEX_COLUMNS` and a new pandas index 0 … n−1. It must not be changed in place.
    """

    root: Path
    rows: pd.DataFrame
    audit: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is predicted: a column of the index, and which of its values make up which class.

    - `classes`: maps each class name, in order, to its values of `column`. With `None` every value in the index is a
      class of its own, sorted. A row whose value is in no class is dropped as "excluded category".
    - `ordinal`: the classes' order has a meaning.
    - `positive`: the classes that should be detected, such as BI-RADS 4 and 5. In addition to the classes' own scores,
      they are scored together against the rest.
    - `at_lesion`: the first class is tissue without a lesion, and the others are visible at the lesion.
    - `level`: what a label describes, and so what gets one prediction: an image, a breast or a patient at one exam. A
      recipe's `dataset.level` can change it.
    """

    name: str
    column: str
    classes: Mapping[str, Sequence[str]] | None
    ordinal: bool = False
    positive: tuple[str, ...] = ()
    at_lesion: bool = False
    level: Literal["image", "breast", "patient"] = "image"
