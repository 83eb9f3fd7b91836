"""Predicted rows with their labels and metadata: the input of all evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfFold:
    """Predictions of S seeds of one recipe for the same n rows: `probabilities` (S, n, K) and `folds` (S, n).

    A fold is the number of the network that predicted the row. Seeds may have different folds.
    """

    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PredictedRows:
    """n rows predicted by networks that did not learn from them, in K classes.

    `labels` (n,) in 0 … K−1, `probabilities` (n, K), `patients` (n,) with "" where unknown, `folds` (n,): the fold
    whose network predicted the row. `about` has n rows with the index's columns, such as view and density. `ordinal`
    says whether the classes' order carries meaning. `positive` holds the numbers of the positive classes, () where none
    are named. `known` (n, K) are the classes' true chances, rows summing to 1, where the data set knows them
    (`interfaces.chance_column`).
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    patients: NDArray[np.str_]
    folds: NDArray[np.int64]
    about: pd.DataFrame
    classes: tuple[str, ...]
    ordinal: bool
    positive: tuple[int, ...] = ()
    known: NDArray[np.float64] | None = None

    @property
    def out_of_fold(self) -> OutOfFold:
        """The same predictions, as those of one seed."""
        return OutOfFold(probabilities=self.probabilities[None], folds=self.folds[None])
