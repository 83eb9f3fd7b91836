"""What each fold of a cross-validation scores by itself, and how far the folds lie apart."""

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
    """Return for each fold number in `folds` (n,) its n rows, its patients, and its own scores.

    `absent` names the classes of which the fold has no row: they count as 0 in its macro-F1, so that a fold is low
    which says nothing of the network. A score is `None` where it is undefined.
    """
    found = []
    for fold in np.unique(folds):
        rows = folds == fold
        scores = weighted_scores(
            labels[rows], probabilities[rows], folds[rows], np.ones((1, int(rows.sum()))), ordinal, METRICS
        )
        found.append(
            FoldMetrics(
                fold=int(fold),
                n=int(rows.sum()),
                patients=persons(patients[rows]),
                absent=tuple(name for k, name in enumerate(classes) if k not in labels[rows]),
                basis=fewest(pairs_by_class(labels[rows], patients[rows], folds[rows], classes)),
                **{name: float(value[0]) if np.isfinite(value[0]) else None for name, value in scores.items()},
            )
        )
    return tuple(found)


def spread_over_folds(folds: Sequence[FoldMetrics]) -> SpreadOverFolds:
    """Return the folds' mean and standard deviation of each score; `None` where one is undefined, or alone.

    The deviation (n − 1) says how much a score on so few patients varies from one part of the data to another. It is no
    standard error of the pooled score: the folds' training rows overlap, so no unbiased one exists from a single
    cross-validation (Bengio and Grandvalet, J. Machine Learning Research 5, 2004). The intervals are over patients.
    """
    return SpreadOverFolds(**{metric: _spread([fold.score(metric) for fold in folds]) for metric in METRICS})


def _spread(scores: Sequence[float | None]) -> Spread:
    known = [value for value in scores if value is not None]
    if len(known) < len(scores):
        return Spread(mean=None, sd=None)
    return Spread(mean=float(np.mean(known)), sd=float(np.std(known, ddof=1)) if len(known) > 1 else None)
