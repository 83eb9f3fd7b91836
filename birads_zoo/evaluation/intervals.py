"""Intervals of the metrics over patients: how far a number would move had other patients been drawn."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.resampling import cluster_weights
from birads_zoo.evaluation.weighted import weighted_scores


class Interval(msgspec.Struct, frozen=True):
    """Where a number lies, between `low` and `high`, both in the number's own unit."""

    low: float
    high: float


class Estimate(msgspec.Struct, frozen=True):
    """A number and the interval around it."""

    value: float
    low: float
    high: float


def intervals(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    patients: NDArray[np.str_],
    generator: np.random.Generator,
    *,
    ordinal: bool,
    resamples: int = 2000,
    level: float = 0.95,
    names: Collection[str] | None = None,
) -> dict[str, Interval | None]:
    """Return an interval for every metric of `weighted_scores`, or those in `names`; None where undefined."""
    weights = cluster_weights(patients, resamples, generator)
    scores = weighted_scores(labels, probabilities, weights, ordinal, names)
    return {name: percentile_interval(values, level) for name, values in scores.items()}


def percentile_interval(values: NDArray[np.float64], level: float = 0.95) -> Interval | None:
    """Return the middle `level` of bootstrap `values` (B,), NaN left out; None when less than half are defined."""
    defined = values[np.isfinite(values)]
    if 2 * len(defined) < len(values):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
