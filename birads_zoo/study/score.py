"""Scores a recipe over its seeds, and compares two recipes on the rows that both predicted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from birads_zoo.evaluation.statistics.comparison import Comparison, compare_pair, holm
from birads_zoo.evaluation.statistics.intervals import LEVEL, intervals
from birads_zoo.evaluation.statistics.weighted import weighted_scores
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric
from birads_zoo.study.gather import Predicted


def values(predicted: Predicted, metric: Metric, *, ordinal: bool) -> list[float]:
    """Return each seed's value of `metric` (a flat name) on all n rows; NaN where it is undefined."""
    once = np.ones((1, len(predicted.labels)))
    by_seed = (
        weighted_scores(predicted.labels, probabilities, folds, once, ordinal, (metric,))
        for probabilities, folds in zip(predicted.out_of_fold.probabilities, predicted.out_of_fold.folds, strict=True)
    )
    return [float(scores[metric][0]) for scores in by_seed]


def score(predicted: Predicted, metric: Metric, *, ordinal: bool) -> Estimate | None:
    """Return the mean over the seeds of `metric`, with a 95 % interval; `None` where it is undefined.

    What it estimates: the score of this recipe, trained with another seed, on other patients of the same source. See
    `statistics.intervals.intervals` for the method. With one seed the interval covers the patients only. Rows were
    predicted out of fold, by models whose training rows overlap; the interval does not include that dependence.
    """
    return intervals(
        predicted.labels,
        predicted.out_of_fold,
        predicted.patients,
        ordinal=ordinal,
        level=LEVEL,
        names=(metric,),
    )[metric]


def compare(first: Predicted, second: Predicted, metric: Metric, *, ordinal: bool) -> Comparison | None:
    """Return `first` minus `second` on their rows, which must be the same (see `gather.difference`).

    `None` where `metric` is undefined. Paired by row and by seed, clustered by patient; see
    `evaluation.statistics.comparison.compare_pair` for what it estimates.
    """
    return compare_pair(
        first.labels,
        first.out_of_fold,
        second.out_of_fold,
        first.patients,
        metric,
        ordinal=ordinal,
        level=LEVEL,
    )


def same_predictions(first: Predicted, second: Predicted) -> bool:
    """Return whether two recipes predicted exactly the same with every seed, so that there is nothing to test."""
    return bool(np.array_equal(first.out_of_fold.probabilities, second.out_of_fold.probabilities))


def same_class_throughout(predicted: Predicted) -> bool:
    """Return whether each seed's network predicted the same class for every image."""
    called = predicted.out_of_fold.probabilities.argmax(axis=2)
    return bool((called == called[:, :1]).all())


def adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm's procedure over those that are known; `None` stays `None`.

    The chance that any of several true null hypotheses is rejected stays below the level. The tests may depend on each
    other in any way (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    known = [p for p in p_values if p is not None]
    corrected = iter(holm(known) if known else ())
    return [None if p is None else float(next(corrected)) for p in p_values]


def shortcut_scores(predicted: Predicted, metric: Metric) -> dict[str, float]:
    """Return each shortcut's mean score over the seeds, on the folds of these runs."""
    scores = {
        name: mean_of_known([run.shortcuts[name].of(metric) for run in predicted.metrics])
        for name in predicted.metrics[0].shortcuts
    }
    return {name: value for name, value in scores.items() if value is not None}


def mean_of_known(numbers: Sequence[float | None]) -> float | None:
    """Return the mean; `None` if any number is unknown, or there are none."""
    known = [number for number in numbers if number is not None]
    return statistics.fmean(known) if known and len(known) == len(numbers) else None
