"""Splits an index's rows into folds by any of the schemes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.splits.official import official_fold
from birads_zoo.data.splits.split import Fold, Rows, check_leaks, is_blank, make_folds, split_units
from birads_zoo.errors import warn
from birads_zoo.recipe import SplitSection


def split_rows(
    rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int
) -> tuple[Fold, ...]:
    """Split the rows of an index by `section.scheme`. Row i is of class `classes[labels[i]]`.

    "official" is the data set's own split (see `official_fold`), with a warning if it leaks patients or may leak them.
    The other splits are drawn (see `make_folds`).

    Raises:
        UserError: for rows that the scheme cannot split, or a split by patient that would leak.

    """
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    if section.scheme == "paper":
        return _paper_folds(rows, labels, classes, section, seed)
    if section.scheme != "official":
        folds = make_folds(split_units(rows, section.scheme), labels, classes, section, seed)
        check_leaks(folds, patients, section.scheme)
        return folds
    fold = official_fold(rows, labels, classes, section, seed)
    _warn_of_leak(fold, patients)
    return (fold,)


def _paper_folds(
    rows: pd.DataFrame, labels: Rows, classes: Sequence[str], section: SplitSection, seed: int
) -> tuple[Fold, ...]:
    """Split the rows in the order of their numbers, which is the sheet's: the paper drew its parts by position."""
    order = rows["row"].to_numpy(dtype=np.int64).argsort(kind="stable")
    folds = make_folds(split_units(rows.iloc[order], section.scheme), labels[order], classes, section, seed)
    return tuple(
        Fold(
            number=fold.number,
            train=np.sort(order[fold.train]),
            validation=np.sort(order[fold.validation]),
            test=np.sort(order[fold.test]),
        )
        for fold in folds
    )


def _warn_of_leak(fold: Fold, patients: NDArray[np.str_]) -> None:
    """Warn of patients in two parts of the official split, and of rows that may be of such patients."""
    train, validation, tested = (patients[part] for part in (fold.train, fold.validation, fold.test))
    trained = np.concatenate([train, validation])
    unknown = int(is_blank(trained).sum() + is_blank(tested).sum())
    if shared := _shared(trained, tested):
        advice = "" if unknown else "; use --split patient"
        warn(f"the official split leaks: {shared} rows in training and test{advice}")
    if shared := _shared(train, validation):
        warn(
            f"{shared} rows in the official split's training and validation parts: no reported row is touched, but what"
            " is chosen or fitted on validation rows, such as the epoch, was chosen on patients who were trained on"
        )
    if unknown:
        have = "row has" if unknown == 1 else "rows have"
        warn(
            f"{unknown} {have} no patient id, so it cannot be ruled out that the official split leaks:"
            " give --patient-pattern where the data set has that option"
        )


def _shared(first: NDArray[np.str_], second: NDArray[np.str_]) -> str:
    """Return "1 patient, 'P1', has" or "2 patients, such as 'P1', have" for known patients in both; "" for none."""
    both = np.intersect1d(first[~is_blank(first)], second)
    if not len(both):
        return ""
    clause = "1 patient, {}, has" if len(both) == 1 else f"{len(both)} patients, such as {{}}, have"
    return clause.format(repr(str(both[0])))
