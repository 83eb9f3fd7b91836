"""Intervals of metrics in [0, 1], from patients left out: shares, areas, and their means over classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Floats = NDArray[np.float64]


def contributions(value: float | Floats, without: Floats) -> Floats:
    """Return what each of P patients adds to a statistic's error, from its values (…, P) `without` each of them.

    They are √((P − 1)/P) (θ − θ₍ᵢ₎). Their squares add up to the variance of the cluster jackknife, which is too large
    rather than too small (Efron and Stein, Annals of Statistics 9, 1981; MacKinnon, Nielsen and Webb, "Leverage,
    influence, and the jackknife in clustered regression models", arXiv 2205.03288, 2022). 0 for a patient without whom
    the statistic is undefined.
    """
    moved: Floats = np.where(np.isfinite(without), value - without, 0.0) * (1 - 1 / without.shape[-1]) ** 0.5
    return moved


def student(parts: Floats, patients: int, level: float) -> float:
    """Return Student's quantile at `level` for the error of a statistic with the contributions `parts`."""
    return float(t.ppf((1 + level) / 2, freedom(parts, patients)))


def freedom(parts: Floats, patients: int) -> float:
    """Return the degrees of freedom ν of the error of a statistic with the contributions `parts`.

    They are those of a χ² whose relative variance, 2/ν, is the variance's, computed from the parts. So few patients
    that make up most of the error count as few (Pan and Wall, Statistics in Medicine 21, 2002, after Satterthwaite).
    ν is between 1 and p − 1, where p is the number of `patients` that affect the statistic.
    """
    squares = parts**2
    total = float(squares.sum())
    uneven = float((squares**2).sum()) - total**2 / patients
    return float(np.clip(2 * total**2 / uneven if uneven > 0 else np.inf, 1, max(patients - 1, 1)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Share:
    """A metric in [0, 1], its values `without` each of P patients (NaN: undefined), and counts of what affects it.

    `patients` and `rows` count the patients and rows that affect it. `area` says that it is an area under a curve, or
    another metric that is not a share of rows. `variance` is given, from resamples, and `without` is `None`, where
    leaving patients out does not estimate it. This is so for a metric at a threshold chosen on these rows: it is a
    quantile, whose jackknife is inconsistent (Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982,
    ch. 3).
    """

    value: float
    without: Floats | None
    patients: int
    rows: int
    area: bool = False
    variance: float | None = None

    @property
    def parts(self) -> Floats:
        """What each patient adds to the error (P,); see `contributions`."""
        assert self.without is not None, "the variance is given"
        return contributions(self.value, self.without)

    def interval(self, level: float) -> tuple[float, float]:
        """Return both ends: Wilson's with the effective sample size or, for an area, symmetric on the logit.

        Both use Student's quantile. Its degrees of freedom are those of `freedom`, or p − 1 where `variance` is given.
        The effective sample size is m(1 − m)/v, and at most the rows. Where nothing varies, it is the p patients, as if
        all rows of a patient had the same result.
        """
        parts = np.zeros(1) if self.variance is not None else self.parts
        variance = float((parts**2).sum()) if self.variance is None else self.variance
        product = self.value * (1 - self.value)
        varies = variance > 1e-12 and product > 0
        quantile = student(parts if varies else np.zeros(1), self.patients, level)
        if self.area and varies:
            odds, reach = np.log(self.value / (1 - self.value)), quantile * variance**0.5 / product
            return float(1 / (1 + np.exp(reach - odds))), float(1 / (1 + np.exp(-reach - odds)))
        count = min(product / variance, self.rows) if varies else self.patients
        pull = quantile**2 / count
        reach = (product * pull + pull**2 / 4) ** 0.5
        return (self.value + pull / 2 - reach) / (1 + pull), (self.value + pull / 2 + reach) / (1 + pull)


def mean_interval(shares: Sequence[Share], count: int, level: float) -> tuple[float, float]:
    """Return both ends of the interval of the sum of the shares / `count`, the mean over `count` classes.

    There is at least one share. Each class's distance to the end of its own interval is taken as its error. The errors
    are added with the correlations of the patients' contributions (MOVER: Zou and Donner, Statistics in Medicine 27,
    2008, eq. 6, for dependent estimates).
    """
    values = np.array([share.value for share in shares])
    ends = np.array([share.interval(level) for share in shares])
    together = _correlations(np.stack([share.parts for share in shares]))
    below, above = values - ends[:, 0], ends[:, 1] - values
    centre = float(values.sum())
    low = centre - float(max(below @ together @ below, 0.0)) ** 0.5
    high = centre + float(max(above @ together @ above, 0.0)) ** 0.5
    return low / count, high / count


def over_seeds(ends: tuple[float, float], scores: Floats, freedom: int, level: float) -> tuple[float, float]:
    """Widen the interval of a mean over S seeds by the variation of the seeds' `scores` (S,); one seed adds nothing.

    `ends` are over patients, with `freedom` degrees. The squares are added, because the two errors are independent.
    Student's quantile of the seeds' standard error s/√S has Satterthwaite's degrees of freedom of both together.
    """
    seeds = len(scores)
    if seeds < 2 or not np.ptp(scores) > 0:
        return ends
    value, own = float(scores.mean()), float(scores.var(ddof=1)) / seeds
    patients = ((ends[1] - ends[0]) / 2 / float(norm.ppf((1 + level) / 2))) ** 2
    together = (patients + own) ** 2 / (patients**2 / freedom + own**2 / (seeds - 1))
    reach = float(t.ppf((1 + level) / 2, together)) * own**0.5
    return value - float(np.hypot(value - ends[0], reach)), value + float(np.hypot(ends[1] - value, reach))


def _correlations(parts: Floats) -> Floats:
    """Return the correlations (C, C) of the rows (C, P) over the patients; 0 with a row that does not vary."""
    size = np.sqrt((parts**2).sum(axis=1))
    size[size == 0] = np.inf
    correlations: Floats = (parts @ parts.T) / np.outer(size, size)
    np.fill_diagonal(correlations, 1)
    return correlations
