"""Intervals of what lies between 0 and 1: shares, areas, and their means over classes, from their resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Share:
    """A metric in [0, 1], its resamples (B,), NaN where undefined, and the patients and rows that bear on it.

    `area` says that it is an area under a ROC curve.
    """

    value: float
    drawn: Floats
    patients: int
    rows: int
    area: bool

    @property
    def freedom(self) -> int:
        """Student's degrees of freedom: patients − 1, at least 1."""
        return max(self.patients - 1, 1)

    def ends(self, quantile: float) -> tuple[float, float]:
        """Return both ends, `quantile` standard errors out: Wilson's interval, or of an area the logit's.

        The standard error is that of the draws, times √(p/(p − 1)): resamples of p patients show so much too little.
        Wilson's interval takes the effective sample size m(1 − m)/v, at most the rows. Where the draws do not vary, it
        takes the p patients: as if the rows of one all went together.
        """
        variance = float(np.nanvar(self.drawn)) * self.patients / self.freedom
        product = self.value * (1 - self.value)
        varies = variance > 0 and product > 0
        if self.area and varies:
            odds, reach = np.log(self.value / (1 - self.value)), quantile * variance**0.5 / product
            return float(1 / (1 + np.exp(reach - odds))), float(1 / (1 + np.exp(-reach - odds)))
        count = min(product / variance, self.rows) if varies else self.patients
        pull = quantile**2 / count
        reach = (product * pull + pull**2 / 4) ** 0.5
        return (self.value + pull / 2 - reach) / (1 + pull), (self.value + pull / 2 + reach) / (1 + pull)

    def interval(self, level: float) -> tuple[float, float]:
        """Return both ends at `level`."""
        return self.ends(float(t.ppf((1 + level) / 2, self.freedom)))


def mean_interval(shares: Sequence[Share], count: int, level: float) -> tuple[float, float]:
    """Return both ends of the sum of the shares / `count`, the classes averaged over; there is one share at least.

    Each class's distance to its end is taken for its error there, and these are added with the correlations of the
    draws (MOVER: Zou and Donner, Statistics in Medicine 27, 2008, eq. 6, for dependent estimates). Student's quantile
    has Satterthwaite's degrees of freedom: those of the classes, weighed by what they add to the variance.
    """
    normal = float(norm.ppf((1 + level) / 2))
    width = np.array([high - low for low, high in (share.ends(normal) for share in shares)])
    freedom = float((width**2).sum() ** 2 / sum(w**4 / share.freedom for w, share in zip(width, shares, strict=True)))
    quantile = float(t.ppf((1 + level) / 2, freedom))
    values = np.array([share.value for share in shares])
    ends = np.array([share.ends(quantile) for share in shares])
    together = _correlations(np.stack([share.drawn for share in shares]))
    below, above = values - ends[:, 0], ends[:, 1] - values
    centre = float(values.sum())
    low = centre - float(max(below @ together @ below, 0.0)) ** 0.5
    high = centre + float(max(above @ together @ above, 0.0)) ** 0.5
    return low / count, high / count


def over_seeds(ends: tuple[float, float], scores: Floats, freedom: int, level: float) -> tuple[float, float]:
    """Move the ends of a mean over S seeds out by what the seeds' `scores` (S,) add; one seed adds nothing.

    `ends` are over patients, with `freedom` degrees. Squares are added, as the two errors are independent; Student's
    quantile of the seeds' standard error s/√S has Satterthwaite's degrees of both together.
    """
    seeds = len(scores)
    if seeds < 2 or not np.ptp(scores) > 0:
        return ends
    value, own = float(scores.mean()), float(scores.var(ddof=1)) / seeds
    patients = ((ends[1] - ends[0]) / 2 / float(norm.ppf((1 + level) / 2))) ** 2
    together = (patients + own) ** 2 / (patients**2 / freedom + own**2 / (seeds - 1))
    reach = float(t.ppf((1 + level) / 2, together)) * own**0.5
    return value - float(np.hypot(value - ends[0], reach)), value + float(np.hypot(ends[1] - value, reach))


def _correlations(drawn: Floats) -> Floats:
    """Return those of the rows (C, B) over the draws in which all are defined; 0 with a row that does not vary."""
    centred = drawn[:, np.isfinite(drawn).all(axis=0)]
    centred = centred - centred.mean(axis=1, keepdims=True) if centred.size else centred
    size = np.sqrt((centred**2).sum(axis=1))
    size[size == 0] = np.inf
    found: Floats = (centred @ centred.T) / np.outer(size, size)
    np.fill_diagonal(found, 1)
    return found
