"""What each fold of a cross-validation scores by itself, and how far the folds lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.resampling import clusters
from birads_zoo.evaluation.weighted import weighted_scores

BY_FOLD = ("macro_f1", "macro_auroc", "balanced_accuracy", "accuracy", "kappa_quadratic")
"""The metrics (flat names) that are told for each fold: those that models are judged by."""


def score_folds(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    patients: NDArray[np.str_],
    folds: NDArray[np.int64],
    classes: Sequence[str],
    *,
    ordinal: bool,
) -> list[dict[str, Any]]:
    """Return for each fold number in `folds` (n,) its n rows, its patients, and its own `BY_FOLD`.

    `absent` names the classes of which the fold has no row: they count as 0 in its macro-F1, so that a fold is low
    which says nothing of the network. A score is `None` where it is undefined.
    """
    of, told = clusters(patients), []
    for fold in np.unique(folds):
        rows = folds == fold
        scores = weighted_scores(labels[rows], probabilities[rows], np.ones((1, int(rows.sum()))), ordinal, BY_FOLD)
        told.append(
            {
                "fold": int(fold),
                "n": int(rows.sum()),
                "patients": len(np.unique(of[rows])),
                "absent": [name for k, name in enumerate(classes) if k not in labels[rows]],
                **{name: float(value[0]) if np.isfinite(value[0]) else None for name, value in scores.items()},
            }
        )
    return told


def spread_over_folds(told: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return for each of `BY_FOLD` the folds' mean and standard deviation; `None` where one is undefined, or alone.

    The deviation (n − 1) says how much a score on so few patients varies from one part of the data to another. It is no
    standard error of the pooled score: the folds' training rows overlap, so no unbiased one exists from a single
    cross-validation (Bengio and Grandvalet, J. Machine Learning Research 5, 2004). The intervals are over patients.
    """
    spread: dict[str, dict[str, float | None]] = {}
    for name in BY_FOLD:
        own = [fold[name] for fold in told]
        whole = [value for value in own if value is not None]
        known = len(whole) == len(own)
        spread[name] = {
            "mean": float(np.mean(whole)) if known else None,
            "sd": float(np.std(whole, ddof=1)) if known and len(whole) > 1 else None,
        }
    return spread
