"""Confidence intervals of metrics, from leaving out whole patients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.left_out import scores_without_each, sums_without_each
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.evaluation.statistics.shares import Share, contributions, mean_interval, over_seeds, student
from birads_zoo.evaluation.statistics.weighted import score_names, weighted_scores
from birads_zoo.results.estimate import Estimate

RESAMPLES = 2000
"""Resamples of patients, where a reading draws them."""
LEVEL = 0.95
METHOD = "whole patients left out one at a time: Wilson and logit ends, MOVER for macro averages"
FEW = 5
"""A class with fewer patients is marked beside its intervals: they and those of macro averages are unreliable."""
ESTIMABLE = 3
"""A class with fewer patients has no interval of its own."""

_AREAS = {"macro_auroc": "auroc", "macro_pooled_auroc": "pooled_auroc"}
_MEANS = {"macro_precision": "precision", "macro_recall": "recall", "macro_f1": "f1", "balanced_accuracy": "recall"}
_MEANS |= _AREAS
"""The means over classes, and the score that each is the mean of."""

Floats = NDArray[np.float64]


def intervals(
    labels: NDArray[np.int64],
    out_of_fold: OutOfFold,
    patients: NDArray[np.str_],
    *,
    ordinal: bool,
    level: float = LEVEL,
    names: Collection[str] | None = None,
) -> dict[str, Estimate | None]:
    """Return each metric (flat names of `evaluation.statistics.weighted.score_names`) with an interval at `level`.

    With S > 1 seeds the metric is their mean score. What is estimated: the metric of these predictions on ever more
    patients of the same population (with S > 1: also of other seeds' predictions). Assumptions: patients are
    independent, and so are seeds; the rows of a patient may depend on each other in any way. `None` where the metric is
    undefined, for a class without rows or one that is never predicted. Also `None` for a metric of a class with fewer
    than `ESTIMABLE` patients, whose interval would be about as wide as the scale.

    Method: leaving out each patient (`left_out.scores_without_each`) shows what she adds to the error
    (`shares.contributions`). This gives the variance v and Student's quantile (`shares.student`).

    - A share m (accuracy, precision, recall, F1, means by support) has Wilson's interval with the effective sample size
      m(1 − m)/v (Korn and Graubard, Survey Methodology 24, 1998; Franco et al., J. Survey Statistics and Methodology 7,
      2019, who recommend Wilson's form). A share of exactly 0 or 1 counts as p independent patients, those that affect
      it, so its interval is never a point.
    - An area has an interval symmetric on the logit (Pepe, "The Statistical Evaluation of Medical Tests", 2003, ch. 5).
      p is the number of patients with the class or without it, whichever is smaller. At 0 or 1 it counts as a share.
    - Quadratic kappa likewise, as (1 + κ)/2, whose logit is twice Fisher's z of κ. (Up to a term of 1/n, κ equals the
      intraclass correlation: Fleiss and Cohen, Educational and Psychological Measurement 33, 1973.)
    - A mean over classes: `shares.mean_interval`. A class whose score is 0 by convention adds no width to it.
    - Seeds: `shares.over_seeds`.

    Coverage by simulation, and the methods it was compared with: docs/intervals.md.
    """
    count = out_of_fold.probabilities.shape[2]
    wanted = score_names(count) if names is None else tuple(names)
    parts = {f"{_MEANS[name]}:{k}" for name in wanted if name in _MEANS for k in range(count)}

    of, called, once = clusters(patients), out_of_fold.probabilities.argmax(axis=2), np.ones((1, len(labels)))
    every_seed = list(zip(out_of_fold.probabilities, out_of_fold.folds, strict=True))
    names = {*wanted, *parts}
    full = [weighted_scores(labels, *predicted, once, ordinal, names) for predicted in every_seed]
    left = [scores_without_each(labels, *predicted, of, ordinal, names) for predicted in every_seed]
    seeds = {name: np.concatenate([scores[name] for scores in full]) for name in full[0]}
    without = {name: np.mean([scores[name] for scores in left], axis=0) for name in left[0]}
    shares = {
        name: share
        for name in seeds
        if (share := _share(name, float(seeds[name].mean()), without[name], labels, called, of))
    }
    freedom = max(int(of.max()), 1)
    rare = {k for k in range(count) if len(np.unique(of[labels == k])) < ESTIMABLE}
    results: dict[str, Estimate | None] = {}
    for name in wanted:
        ends = None if _of_too_few(name, rare, count) else _ends(name, shares, count, level)
        results[name] = None if ends is None else _widened(ends, seeds[name], freedom, level, name)
    return results


def _of_too_few(name: str, rare: Collection[int], count: int) -> bool:
    """Return whether a metric is of a class with too few patients. Two classes share one area."""
    kind, _, number = name.partition(":")
    if count == 2 and (kind in _AREAS or kind in _AREAS.values()):
        return bool(rare)
    return bool(number) and int(number) in rare


def few_patients(labels: NDArray[np.int64], patients: NDArray[np.str_], count: int) -> dict[int, int]:
    """Return the number of patients of each class, of class numbers below `count`, with fewer than `FEW` patients."""
    of = clusters(patients)
    numbers = {k: len(np.unique(of[labels == k])) for k in range(count)}
    return {k: number for k, number in numbers.items() if number < FEW}


def _share(
    name: str,
    value: float,
    without: Floats,
    labels: NDArray[np.int64],
    called: NDArray[np.int64],
    of: NDArray[np.int64],
) -> Share | None:
    """Return a metric as a share of the rows that affect it; `None` where there are none. `called` is (S, n)."""
    kind, _, number = name.partition(":")
    if not np.isfinite(value):
        return None
    everyone = int(of.max()) + 1
    if name == "kappa_quadratic":
        return Share(value=(1 + value) / 2, without=(1 + without) / 2, patients=everyone, rows=len(labels), area=True)
    if not number:
        return Share(value=value, without=without, patients=everyone, rows=len(labels), area="auroc" in kind)
    own = labels == int(number)
    predicted = (called == int(number)).any(axis=0)
    bearing = {"precision": predicted, "f1": own | predicted}.get(kind, own)
    if not own.any() or not bearing.any():
        return None
    area = kind in _AREAS.values()
    people = min(len(np.unique(of[rows])) for rows in ((own, ~own) if area else (bearing,)))
    if people == 1:  # without the only patient the value is 0 by convention
        without = np.full_like(without, np.nan)
    return Share(value=value, without=without, patients=people, rows=int(bearing.sum()), area=area)


def _ends(name: str, shares: Mapping[str, Share], count: int, level: float) -> tuple[float, float] | None:
    if name not in _MEANS:
        if name not in shares:
            return None
        low, high = shares[name].interval(level)
        return (2 * low - 1, 2 * high - 1) if name == "kappa_quadratic" else (low, high)
    own = [shares[part] for k in range(count) if (part := f"{_MEANS[name]}:{k}") in shares]
    if not own:
        return None
    with_absent = name not in (*_AREAS, "balanced_accuracy")  # in the other means absent classes count as 0
    return mean_interval(own, count if with_absent else len(own), level)


def _widened(ends: tuple[float, float], scores: Floats, freedom: int, level: float, name: str) -> Estimate:
    low, high = over_seeds(ends, scores, freedom, level)
    lowest = -1.0 if name == "kappa_quadratic" else 0.0
    return Estimate(value=float(scores.mean()), low=max(low, lowest), high=min(high, 1.0))


def rate(
    hits: NDArray[np.bool_],
    patients: NDArray[np.str_],
    weights: Floats | None = None,
    level: float = LEVEL,
) -> Estimate | None:
    """Return the (weighted) share of n rows that are hits, with the interval of a share; `None` for no rows.

    What it estimates: the chance that a row of another patient is a hit. Assumptions and method are as in `intervals`.
    """
    if not len(hits):
        return None
    of = clusters(patients)
    weights = np.ones(len(hits)) if weights is None else weights
    hit, all_ = np.bincount(of, weights * hits), np.bincount(of, weights)
    left = np.where(len(all_) > 1, all_.sum() - all_, np.nan)
    value, without = float(hit.sum() / all_.sum()), (hit.sum() - hit) / left
    low, high = Share(value=value, without=without, patients=len(all_), rows=len(hits)).interval(level)
    # Rounding may put the end of an interval on the wrong side of a share of 0 or 1.
    return Estimate(value=value, low=max(min(low, value), 0.0), high=min(max(high, value), 1.0))


def estimates(
    columns: NDArray[Any],
    statistics: Callable[[Floats], Mapping[str, Floats]],
    patients: NDArray[np.str_],
    *,
    limits: Mapping[str, tuple[float, float]] | None = None,
    level: float = LEVEL,
) -> dict[str, Estimate | None]:
    """Return each statistic of n rows, of any unit, with its interval over patients (see `estimate`).

    The statistics follow from sums over the rows. `columns` (n, m) are summed; `statistics` takes the sums (B, m) over
    some of the rows, and returns by name the statistic (B,) of these rows, NaN where it is undefined. `limits` holds,
    for some statistics, the range of possible values.
    """
    once = statistics(columns.sum(axis=0, dtype=np.float64)[None])
    without = statistics(sums_without_each(columns, clusters(patients)))
    results = {name: estimate(float(once[name][0]), without[name], level) for name in once}
    for name, (least, most) in (limits or {}).items():
        if (free := results[name]) is not None:
            results[name] = Estimate(
                value=free.value, low=float(max(free.low, least)), high=float(min(free.high, most))
            )
    return results


def estimate(value: float, without: Floats, level: float = LEVEL) -> Estimate | None:
    """Return a mean or a difference with its interval, from its values (P,) `without` each patient; `None` if NaN.

    Symmetric: Student's quantile times the standard error (`shares.student`, `shares.contributions`). For values in
    [0, 1] use `rate`, `intervals` or `shares.Share`, which are more accurate there. The statistic must be smooth in the
    patients' weights (no quantile). Where no patient moves it, for instance with one patient, both ends are the value.
    """
    if not np.isfinite(value):
        return None
    parts = contributions(value, without)
    reach = student(parts, len(parts), level) * float((parts**2).sum()) ** 0.5
    return Estimate(value=value, low=value - reach, high=value + reach)
