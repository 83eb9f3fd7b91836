"""Makes the fold of a data set's official split from its column `split`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.splits.split import Fold, Rows, choose_validation, is_blank
from birads_zoo.errors import UserError, warn
from birads_zoo.recipe import SplitSection

PARTS = ("train", "val", "test")


def official_fold(rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int) -> Fold:
    """Return the single fold of N rows of an index whose column `split` is "train", "val" or "test".

    If no row is "val", `section.validation` of the training patients are used for validation, as in the other schemes.
    A row of an unknown patient counts as a patient of its own. If some class has too few patients, none are used, with
    a warning. Rows in no part are not used, with a warning.

    Raises:
        UserError: for a data set without such a split, a split without training or test rows, or a class without
            training rows.

    """
    parts = rows["split"].to_numpy(dtype=np.str_)
    train, validation, test = (np.flatnonzero(parts == part) for part in PARTS)
    if not np.isin(parts, PARTS).any():
        raise UserError("this data set has no official split: use --split patient")
    if not len(train) or not len(test):
        missing = "training" if not len(train) else "test"
        raise UserError(f"the official split has no usable {missing} rows here: use --split patient")
    _refuse_untrained(labels[train], classes)
    if left_out := int((~np.isin(parts, PARTS)).sum()):
        warn(f"{left_out} of {len(parts)} rows are in no part of the official split, or in several, and are not used")
    if not len(validation):
        groups = _groups(rows["patient_id"].to_numpy(dtype=np.str_)[train])
        chosen = choose_validation(groups, labels[train], section.validation, seed, 0)
        train, validation = np.delete(train, chosen), train[chosen]
        if section.validation > 0 and not len(validation):
            warn(
                "no validation rows in the official split: some class has fewer than 2 training patients; "
                "training runs for its fixed number of epochs"
            )
    elif section.validation != SplitSection().validation:
        warn("the official split has validation rows of its own: split.validation had no effect")
    if section.folds != SplitSection().folds:
        warn("the official split is one fold: split.folds had no effect")
    return Fold(number=0, train=train, validation=validation, test=test)


def _groups(patients: NDArray[np.str_]) -> Rows:
    """Return a number for each of N rows, the same for all rows of a patient. Unknown patients get one per row."""
    unknown = is_blank(patients)
    numbers = np.unique(patients, return_inverse=True)[1]
    return np.where(unknown, len(patients) + np.arange(len(patients)), numbers)


def _refuse_untrained(labels: Rows, classes: Sequence[str]) -> None:
    missing: NDArray[np.int64] = np.setdiff1d(np.arange(len(classes)), labels)
    if len(missing):
        raise UserError(
            f"the official split has no training row of class {classes[missing[0]]!r}: use --split patient, or leave"
            " the class out"
        )
