"""One recipe's score over its seeds, and two recipes compared on the rows that both predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.comparison import Comparison, compare_pair, holm
from birads_zoo.evaluation.intervals import Estimate, bounds
from birads_zoo.evaluation.resampling import cluster_weights, leave_one_out
from birads_zoo.evaluation.weighted import weighted_scores
from birads_zoo.randomness import numpy_generator
from birads_zoo.study.gather import Predicted

RESAMPLES = 2000
LEVEL = 0.95


def values(predicted: Predicted, metric: str, *, ordinal: bool) -> list[float]:
    """Return each seed's value of `metric` (a flat name) on all n rows; NaN where it is undefined."""
    once = np.ones((1, len(predicted.labels)))
    return [float(value) for value in _weighted(predicted, metric, once, ordinal=ordinal)[:, 0]]


def score(predicted: Predicted, metric: str, *, ordinal: bool) -> Estimate | None:
    """Return the mean over the seeds of `metric`, with a 95 % interval; `None` where it is undefined.

    What it estimates: what training this recipe with another seed would score on other patients of the same source.
    The interval (BCa, `evaluation.intervals.bounds`) is of a bootstrap over whole patients and, with S > 1 seeds, over
    seeds: each resample draws S seeds with replacement too, and their mean's distance from the mean of all is stretched
    by √(S / (S − 1)), because a resample of S values shows but (S − 1) / S of their variance (Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, ch. 3.8). With one seed it covers the patients alone.
    Assumptions: patients are independent, and so are seeds; rows of one patient may depend on each other. Rows were
    predicted out of fold, by models whose training rows overlap; that dependence is not in the interval.
    """
    value = float(np.mean(values(predicted, metric, ordinal=ordinal)))
    generator = numpy_generator(0, "study", "score", metric)
    weights = cluster_weights(predicted.patients, RESAMPLES, generator)
    drawn = _weighted(predicted, metric, weights, ordinal=ordinal)
    without = _weighted(predicted, metric, leave_one_out(predicted.patients), ordinal=ordinal)
    seeds, resamples = drawn.shape
    means = drawn.mean(axis=0)
    if seeds > 1:
        picked = generator.integers(seeds, size=(seeds, resamples))
        redrawn = np.take_along_axis(drawn, picked, axis=0).mean(axis=0)
        means = means + np.sqrt(seeds / (seeds - 1)) * (redrawn - means)
    ends = bounds(value, means, without.mean(axis=0), LEVEL)
    return None if ends is None else Estimate(value=value, low=ends.low, high=ends.high)


def compare(one: Predicted, other: Predicted, metric: str, *, ordinal: bool) -> Comparison:
    """Return `one` minus `other` on the rows of both, which must be the same (see `gather.difference`).

    Paired by row and by seed, clustered by patient; see `evaluation.comparison.compare_pair` for what it estimates.
    """
    return compare_pair(
        one.labels,
        one.probabilities,
        other.probabilities,
        one.patients,
        metric,
        numpy_generator(0, "study", "compare", metric),
        ordinal=ordinal,
        resamples=RESAMPLES,
        level=LEVEL,
    )


def same_predictions(one: Predicted, other: Predicted) -> bool:
    """Tell whether two predicted the very same probabilities with every seed, so that there is nothing to test."""
    return one.probabilities.shape == other.probabilities.shape and bool(
        np.array_equal(one.probabilities, other.probabilities)
    )


def adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm's procedure over those that are known; `None` stays `None`.

    The chance that any of several true null hypotheses is rejected stays below the level, however the tests depend on
    each other (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    known = [p for p in p_values if p is not None]
    corrected = iter(holm(known) if known else ())
    return [None if p is None else float(next(corrected)) for p in p_values]


def _weighted(predicted: Predicted, metric: str, weights: NDArray[np.float64], *, ordinal: bool) -> NDArray[np.float64]:
    """Return the metric (S, B) of every seed under B weightings of the rows."""
    each = [
        weighted_scores(predicted.labels, one, weights, ordinal, (metric,))[metric] for one in predicted.probabilities
    ]
    return np.stack(each)
