"""From an index's rows to folds, by any of the schemes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.splits.official import official_fold
from birads_zoo.data.splits.split import Fold, Rows, check_leaks, held_together, is_nameless, make_folds
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
    """Warn of the patients in two parts of the official split, and of the rows that may be of such patients."""
    train, validation, tested = (patients[part] for part in (fold.train, fold.validation, fold.test))
    learnt = np.concatenate([train, validation])
    nameless = int(is_nameless(learnt).sum() + is_nameless(tested).sum())
    if said := _shared(learnt, tested):
        advice = "" if nameless else "; use --split patient"
        warn(f"the official split leaks: {said} rows in training and test{advice}")
    if said := _shared(train, validation):
        warn(
            f"{said} rows in the official split's training and validation parts: no reported row is touched, but what"
            " is chosen or fitted on validation rows, such as the epoch, was chosen on patients who were trained on"
        )
    if nameless:
        have = "row has" if nameless == 1 else "rows have"
        warn(
            f"{nameless} {have} no patient id, so it cannot be ruled out that the official split leaks:"
            " give --patient-pattern where the data set has that option"
        )


def _shared(one: NDArray[np.str_], other: NDArray[np.str_]) -> str:
    """Return "1 patient, 'P1', has" or "2 patients, such as 'P1', have" of known patients in both; "" for none."""
    both = np.intersect1d(one[~is_nameless(one)], other)
    if not len(both):
        return ""
    named = "1 patient, {}, has" if len(both) == 1 else f"{len(both)} patients, such as {{}}, have"
    return named.format(repr(str(both[0])))
