"""From an index's rows to folds, by any of the schemes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_zoo.data.official import official_fold
from birads_zoo.data.splits import Fold, Rows, check_leaks, held_together, leaks, make_folds
from birads_zoo.errors import warn
from birads_zoo.recipe import SplitSection


def split_rows(
    rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int
) -> tuple[Fold, ...]:
    """Split the rows of an index, of which row i is of class `classes[labels[i]]`, by `section.scheme`.

    "official" is the data set's own split (see `official_fold`); a warning says if it leaks patients. The others are
    drawn (see `make_folds`).

    Raises:
        UserError: for rows that cannot be split so, and for a split by patient that would leak.

    """
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    if section.scheme != "official":
        folds = make_folds(held_together(rows, section.scheme), labels, classes, section, seed)
        check_leaks(folds, patients, section.scheme)
        return folds
    fold = official_fold(rows, labels, classes, section, seed)
    if leaks((fold,), patients):
        both = np.intersect1d(patients[np.concatenate([fold.train, fold.validation])], patients[fold.test])
        warn(
            f"the official split leaks: {len(both)} patients, such as {str(both[0])!r}, have rows in training and test;"
            " use --split patient"
        )
    return (fold,)
