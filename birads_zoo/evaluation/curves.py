"""ROC and precision-recall curves with pointwise bands, for many weightings of the same rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.intervals import LEVEL
from birads_zoo.evaluation.statistics.resampling import cluster_weights

RESAMPLES = 1000
"""Resamples for a band. A band is read off a picture, to two digits at best, so fewer are enough."""

_GRID = np.linspace(0, 1, 201)
_NEAR = 1e-9  # as a share: a rate that should be 0.8 may come out of sums as 0.8 ± 1e-16

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve's corners `x`, `y` (T,), the area under it, and its band `low` to `high` (G,) over `at` (G,)."""

    x: Values
    y: Values
    area: float
    at: Values
    low: Values
    high: Values


def cumulated(positive: NDArray[np.bool_], scores: Values, weights: Values) -> tuple[Values, Values]:
    """Return the weight of true positives and of false positives, both (B, T + 1), from the strictest threshold down.

    `positive` and `scores` are (n,), `weights` (B, n) ≥ 0. The first column is the threshold at which no row is called
    positive. Each other column belongs to one of the T distinct scores, from high to low: all rows that score at least
    that are called positive.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, sorted_positive = scores[order], positive[order]
    starts = np.flatnonzero(np.r_[True, sorted_scores[1:] != sorted_scores[:-1]])
    sorted_weights = weights[:, order]
    none = np.zeros((len(weights), 1))
    caught, alarms = (
        np.hstack([none, np.cumsum(np.add.reduceat(sorted_weights * kind, starts, axis=1), axis=1)])
        for kind in (sorted_positive, ~sorted_positive)
    )
    return caught, alarms


def area_under_roc(caught: Values, alarms: Values) -> Values:
    """Return the areas (B,) by the trapezoid rule, which counts ties half; NaN without positives or negatives."""
    below = (np.diff(alarms, axis=1) * (caught[:, 1:] + caught[:, :-1])).sum(axis=1) / 2
    return _divided(below, caught[:, -1] * alarms[:, -1])


def average_precision(caught: Values, alarms: Values) -> Values:
    """Return Σ (recall gained at a threshold) × (precision there), (B,); NaN without positives or negatives.

    The area under the curve's steps, without interpolation (Boyd, Eng and Page, "Area under the Precision-Recall
    Curve", ECML PKDD 2013). By chance it is the share of positives, so compare it only at the same prevalence.
    """
    gained = np.diff(caught, axis=1) * _divided(caught[:, 1:], caught[:, 1:] + alarms[:, 1:], 0.0)
    area = _divided(gained.sum(axis=1), caught[:, -1])
    return np.where(alarms[:, -1] > 0, area, np.nan)


def sensitivity_at(specificity: float, caught: Values, alarms: Values) -> Values:
    """Return the largest sensitivities (B,) at thresholds with at least this specificity, chosen for each weighting."""
    allowed = alarms[:, -1:] * (1 - specificity + _NEAR)
    last = (alarms <= allowed).sum(axis=1) - 1
    return _defined(caught[np.arange(len(caught)), last] / _total(caught), caught, alarms)


def specificity_at(sensitivity: float, caught: Values, alarms: Values) -> Values:
    """Return the largest specificities (B,) at thresholds with at least this sensitivity, chosen for each weighting."""
    first = (caught < caught[:, -1:] * (sensitivity - _NEAR)).sum(axis=1)
    return _defined(1 - alarms[np.arange(len(alarms)), first] / _total(alarms), caught, alarms)


def curves(
    positive: NDArray[np.bool_],
    scores: Values,
    patients: NDArray[np.str_],
    generator: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Curve, Curve] | None:
    """Return the ROC curve (x: false positive rate, y: sensitivity) and the PR curve (x: recall, y: precision).

    Their bands are pointwise. At each x, a band holds the middle `level` of the curves of resamples of whole patients:
    the largest sensitivity at that false positive rate, and the precision at the strictest threshold that reaches that
    recall (Pepe, "The Statistical Evaluation of Medical Tests", 2003, ch. 5, resampled by cluster). So a whole curve
    leaves its band more often than 1 − `level`. `None` without positives or without negatives.
    """
    if positive.all() or not positive.any():
        return None
    caught, alarms = cumulated(positive, scores, np.ones((1, len(scores))))
    resampled = cumulated(positive, scores, cluster_weights(patients, resamples, generator))
    defined = (resampled[0][:, -1] > 0) & (resampled[1][:, -1] > 0)
    rates, precisions = _on_grid(resampled[0][defined], resampled[1][defined])
    ends = [(1 - level) / 2, (1 + level) / 2]
    true_rate, false_rate = caught[0] / caught[0, -1], alarms[0] / alarms[0, -1]
    low, high = np.quantile(rates, ends, axis=0)
    roc = Curve(x=false_rate, y=true_rate, area=float(area_under_roc(caught, alarms)[0]), at=_GRID, low=low, high=high)
    low, high = np.quantile(precisions, ends, axis=0)
    reached = caught[0] > 0  # stricter thresholds have no recall, and a precision of 0 without meaning
    recall, precision = true_rate[reached], caught[0, reached] / (caught[0, reached] + alarms[0, reached])
    return roc, Curve(
        x=np.r_[0.0, recall],
        y=np.r_[precision[0], precision],
        area=float(average_precision(caught, alarms)[0]),
        at=_GRID[1:],
        low=low,
        high=high,
    )


def _on_grid(caught: Values, alarms: Values) -> tuple[Values, Values]:
    """Return sensitivities (B, G) at false positive rates of the grid, and precisions (B, G − 1) at recalls above 0."""
    rates, precisions = np.empty((len(caught), len(_GRID))), np.empty((len(caught), len(_GRID) - 1))
    for b, (hits, misses) in enumerate(zip(caught, alarms, strict=True)):
        # Ties are joined by a straight line, as the curve is drawn and its area computed. At a step: its upper end.
        rates[b] = np.interp(_GRID + _NEAR, misses / misses[-1], hits / hits[-1])
        at = np.searchsorted(hits, hits[-1] * (_GRID[1:] - _NEAR), side="left")
        precisions[b] = hits[at] / (hits[at] + misses[at])
    return rates, precisions


def _total(cumulated_weights: Values) -> Values:
    last = cumulated_weights[:, -1]
    return np.where(last > 0, last, np.nan)


def _defined(values: Values, caught: Values, alarms: Values) -> Values:
    return np.where((caught[:, -1] > 0) & (alarms[:, -1] > 0), values, np.nan)


def _divided(part: Values, whole: Values, else_: float = np.nan) -> Values:
    return np.divide(part, whole, out=np.full_like(whole, else_), where=whole > 0)
