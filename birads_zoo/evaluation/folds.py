"""Scores of each fold of a cross-validation, and their spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.pairs import fewest, pairs_by_class
from birads_zoo.evaluation.statistics.resampling import persons
from birads_zoo.evaluation.statistics.weighted import weighted_scores
from birads_zoo.results.scores import METRICS, FoldMetrics, Spread, SpreadOverFolds


def score_folds(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    patients: NDArray[np.str_],
    folds: NDArray[np.int64],
    classes: Sequence[str],
    *,
    ordinal: bool,
) -> tuple[FoldMetrics, ...]:
    """Return for each fold number in `folds` (n,) its counts of rows and patients, and its scores.

    `absent` names the classes of which the fold has no row. They count as 0 in its macro-F1, so a low macro-F1 of such
    a fold says nothing about the network. A score is `None` where it is undefined.
    """
    fold_metrics = []
    for fold in np.unique(folds):
        rows = folds == fold
        scores = weighted_scores(
            labels[rows], probabilities[rows], folds[rows], np.ones((1, int(rows.sum()))), ordinal, METRICS
        )
        fold_metrics.append(
            FoldMetrics(
                fold=int(fold),
                n=int(rows.sum()),
                patients=persons(patients[rows]),
                absent=tuple(name for k, name in enumerate(classes) if k not in labels[rows]),
                basis=fewest(pairs_by_class(labels[rows], patients[rows], folds[rows], classes)),
                **{name: float(value[0]) if np.isfinite(value[0]) else None for name, value in scores.items()},
            )
        )
    return tuple(fold_metrics)


def spread_over_folds(folds: Sequence[FoldMetrics]) -> SpreadOverFolds:
    """Return the folds' mean and standard deviation of each score.

    Both are `None` where a fold's score is undefined; the deviation is also `None` with one fold.

    The deviation (n − 1) shows how much a score on so few patients varies from one part of the data to another. It is
    not a standard error of the pooled score. The folds' training rows overlap, so a single cross-validation gives no
    unbiased standard error (Bengio and Grandvalet, J. Machine Learning Research 5, 2004). The intervals are over
    patients.
    """
    return SpreadOverFolds(**{metric: _spread([fold.score(metric) for fold in folds]) for metric in METRICS})


def _spread(scores: Sequence[float | None]) -> Spread:
    known = [value for value in scores if value is not None]
    if len(known) < len(scores):
        return Spread(mean=None, sd=None)
    return Spread(mean=float(np.mean(known)), sd=float(np.std(known, ddof=1)) if len(known) > 1 else None)
