"""From an index's rows to folds, by any of the schemes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.official import official_fold
from birads_zoo.data.splits import Fold, Rows, check_leaks, held_together, is_nameless, make_folds
from birads_zoo.errors import warn
from birads_zoo.recipe import SplitSection


def split_rows(
    rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int
) -> tuple[Fold, ...]:
    """Split the rows of an index, of which row i is of class `classes[labels[i]]`, by `section.scheme`.

    "official" is the data set's own split (see `official_fold`); a warning says if it leaks patients, or may. The
    others are drawn (see `make_folds`).

    Raises:
        UserError: for rows that cannot be split so, and for a split by patient that would leak.

    """
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    if section.scheme != "official":
        folds = make_folds(held_together(rows, section.scheme), labels, classes, section, seed)
        check_leaks(folds, patients, section.scheme)
        return folds
    fold = official_fold(rows, labels, classes, section, seed)
    _warn_of_leak(fold, patients)
    return (fold,)


def _warn_of_leak(fold: Fold, patients: NDArray[np.str_]) -> None:
    """Warn of the patients on both sides of the official split, and of the rows that may be of such patients."""
    learnt, tested = patients[np.concatenate([fold.train, fold.validation])], patients[fold.test]
    nameless = int(is_nameless(learnt).sum() + is_nameless(tested).sum())
    both = np.intersect1d(learnt[~is_nameless(learnt)], tested)
    if len(both):
        named = "1 patient, {}, has" if len(both) == 1 else f"{len(both)} patients, such as {{}}, have"
        advice = "" if nameless else "; use --split patient"
        warn(f"the official split leaks: {named.format(repr(str(both[0])))} rows in training and test{advice}")
    if nameless:
        have = "row has" if nameless == 1 else "rows have"
        warn(
            f"{nameless} {have} no patient id, so it cannot be ruled out that the official split leaks:"
            " give --patient-pattern where the data set has that option"
        )
