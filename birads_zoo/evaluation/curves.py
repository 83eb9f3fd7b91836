"""ROC and precision-recall curves with pointwise bands, for many weightings of the same rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.intervals import LEVEL
from birads_zoo.evaluation.statistics.ranking import rank
from birads_zoo.evaluation.statistics.resampling import Resamples

RESAMPLES = 1000
"""Resamples for a band. A band is read off a picture, to two digits at best, so fewer are enough."""

_GRID = np.linspace(0, 1, 201)

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


def cumulated(positive: NDArray[np.bool_], scores: Values) -> tuple[Values, Values]:
    """Return the numbers of true and of false positives, both (T + 1,), from the strictest threshold down.

    `positive` and `scores` are (n,). At the first threshold no row is called positive. Each other one is one of the T
    distinct scores, from high to low: all rows that score at least that are called positive.
    """
    _, group = np.unique(-scores, return_inverse=True)
    caught, alarms = (np.r_[0.0, np.cumsum(np.bincount(group, kind))] for kind in (positive, ~positive))
    return caught, alarms


def area_under_roc(caught: Values, alarms: Values) -> float:
    """Return the area by the trapezoid rule, which counts ties half; NaN without positives or negatives."""
    if not caught[-1] * alarms[-1]:
        return np.nan
    return float((np.diff(alarms) * (caught[1:] + caught[:-1])).sum() / 2 / (caught[-1] * alarms[-1]))


def average_precision(caught: Values, alarms: Values) -> float:
    """Return Σ (recall gained at a threshold) × (precision there); NaN without positives or negatives.

    The area under the curve's steps, without interpolation (Boyd, Eng and Page, "Area under the Precision-Recall
    Curve", ECML PKDD 2013). By chance it is the share of positives, so compare it only at the same prevalence.
    """
    if not caught[-1] * alarms[-1]:
        return np.nan
    return float((np.diff(caught) * caught[1:] / (caught[1:] + alarms[1:])).sum() / caught[-1])


def curves(
    positive: NDArray[np.bool_],
    scores: Values,
    resamples: Resamples,
    *,
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
    caught, alarms = cumulated(positive, scores)
    ranking = rank(positive, scores)
    # At a step: its upper end. Ties are joined by a straight line, as the curve is drawn and its area computed.
    read = [
        (drawn.sensitivities(_GRID, between=True), drawn.reach(_GRID[1:])[1]) for drawn in ranking.blocks(resamples)
    ]
    rates, precisions = (np.concatenate(parts) for parts in zip(*read, strict=True))
    ends = [(1 - level) / 2, (1 + level) / 2]
    true_rate, false_rate = caught / caught[-1], alarms / alarms[-1]
    low, high = np.nanquantile(rates, ends, axis=0)
    roc = Curve(x=false_rate, y=true_rate, area=area_under_roc(caught, alarms), at=_GRID, low=low, high=high)
    low, high = np.nanquantile(precisions, ends, axis=0)
    reached = caught > 0  # stricter thresholds have no recall, and a precision of 0 without meaning
    recall, precision = true_rate[reached], caught[reached] / (caught[reached] + alarms[reached])
    return roc, Curve(
        x=np.r_[0.0, recall],
        y=np.r_[precision[0], precision],
        area=average_precision(caught, alarms),
        at=_GRID[1:],
        low=low,
        high=high,
    )
