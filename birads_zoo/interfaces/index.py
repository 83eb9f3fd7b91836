"""The values that cross the border between a data set and the engine: rows, lesions, audit entries, targets."""

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
    """Name the own column of an index that has the chance of a `value` of its column `column`, such as "assessment".

    A data set that knows, as of pictures it made, how likely each value is of each row may append such a column for
    each: floats in [0, 1], NaN where unknown; a value without a column has no chance. They are of the data set as it is
    loaded, its classes' shares included. Every run on it then tells the best possible result
    (`birads_zoo.evaluation.best`).
    """
    return f"chance_{column}_{value}"


Record = Mapping[str, Any]
"""One row before it is in an index: any of the canonical columns, and a data set's own; what is left out is unknown."""


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One marked lesion, as its bounding box in the source picture's pixels, origin at the top left.

    `outline` says how the annotator drew it: a circle inscribed in the box, or the box itself. `mask_path` is a
    picture of the same size (relative to the index's root), bright inside the lesion, where one is known. A lesion of
    which the mask alone is known has no box (NaN): the engine takes it from the mask when somebody asks for it, because
    to decode all masks takes as long as to decode all pictures.

    Raises:
        ValueError: for a lesion with neither a whole box nor a mask.

    """

    x0: float = nan
    y0: float = nan
    x1: float = nan
    y1: float = nan
    outline: Literal["circle", "box"] = "circle"
    mask_path: str = ""

    def __post_init__(self) -> None:
        """Refuse a lesion whose place nobody knows."""
        if not self.mask_path and not all(map(isfinite, (self.x0, self.y0, self.x1, self.y1))):
            raise ValueError(f"a lesion needs a box (x0, y0, x1, y1) or a mask (mask_path): {self}")


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One row that was dropped or repaired, and why. `reason` is short and countable; `detail` is free text.

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
    """A row per image in the canonical columns, and the record of what was dropped or repaired on the way.

    `rows` has at least `INDEX_COLUMNS` and a fresh 0 … n−1 pandas index. Nobody changes it in place.
    """

    root: Path
    rows: pd.DataFrame
    audit: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is predicted: an index column, and which of its values make up which class.

    `classes` maps each class name, in order, to the values of `column` it stands for; `None` makes every value
    found a class of its own, sorted. A row whose value belongs to no class is dropped as "excluded category".
    `ordinal` says whether the classes' order carries meaning. `positive` names the classes that a reader wants found,
    such as BI-RADS 4 and 5: together they are read as one against the rest, on top of the classes themselves.
    `at_lesion` says that the first class is what tissue without a lesion shows, and the others are seen at the lesion.
    `level` says what a label is of, and so what gets one prediction: a picture, a breast or a patient at one exam (a
    recipe's `dataset.level` can say otherwise).
    """

    name: str
    column: str
    classes: Mapping[str, Sequence[str]] | None
    ordinal: bool = False
    positive: tuple[str, ...] = ()
    at_lesion: bool = False
    level: Literal["image", "breast", "patient"] = "image"
