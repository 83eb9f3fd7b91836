"""The split that comes with a data set, as its rows' column `split` has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.splits import Fold, Rows, choose_validation
from birads_zoo.errors import UserError, warn
from birads_zoo.recipe import SplitSection

PARTS = ("train", "val", "test")


def official_fold(rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int) -> Fold:
    """Return the one fold of N rows of an index whose column `split` says "train", "val" or "test".

    Without a row of "val", `section.validation` of the training patients are taken for validation, as everywhere
    else. Rows of no part are not used, which a warning says.

    Raises:
        UserError: for a data set without such a split, one without training or test rows, or a class without
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
        warn(f"{left_out} of {len(parts)} rows are in no part of the official split, and are not used")
    if not len(validation):
        patients = np.unique(rows["patient_id"].to_numpy(dtype=np.str_)[train], return_inverse=True)[1]
        chosen = choose_validation(patients, labels[train], section.validation, seed, 0)
        train, validation = np.delete(train, chosen), train[chosen]
    elif section.validation != SplitSection().validation:
        warn("the official split has validation rows of its own: split.validation had no effect")
    if section.folds != SplitSection().folds:
        warn("the official split is one fold: split.folds had no effect")
    return Fold(number=0, train=train, validation=validation, test=test)


def _refuse_untrained(labels: Rows, classes: Sequence[str]) -> None:
    missing: NDArray[np.int64] = np.setdiff1d(np.arange(len(classes)), labels)
    if len(missing):
        raise UserError(
            f"the official split has no training row of class {classes[missing[0]]!r}: use --split patient, or leave"
            " the class out"
        )
