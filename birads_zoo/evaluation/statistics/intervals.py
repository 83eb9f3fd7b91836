"""How far a metric could be from what it estimates: intervals from leaving whole patients out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.resampling import clusters, without_each
from birads_zoo.evaluation.statistics.shares import Share, contributions, mean_interval, over_seeds, student
from birads_zoo.evaluation.statistics.weighted import score_names, weighted_scores
from birads_zoo.results.estimate import Estimate

RESAMPLES = 2000
"""Resamples of patients, where a reading draws them."""
LEVEL = 0.95
METHOD = "whole patients left out one at a time: Wilson and logit ends, MOVER for macro averages"
FEW = 5
"""A class of fewer patients is marked wherever intervals are told: neither its own nor a macro average's is sure."""
ESTIMABLE = 3
"""A class of fewer patients has no interval of its own."""

_AREAS = {"macro_auroc": "auroc", "macro_pooled_auroc": "pooled_auroc"}
_MEANS = {"macro_precision": "precision", "macro_recall": "recall", "macro_f1": "f1", "balanced_accuracy": "recall"}
_MEANS |= _AREAS
"""The means over classes, and of what."""

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

    With S > 1 seeds their mean score is meant. What is estimated: where the metric would lie on ever more patients of
    the same population, judged by these predictions (with S > 1: by other seeds' too). Assumptions: patients are
    independent, and so are seeds; the rows of a patient may depend on each other in any way. `None` where nothing can
    be said: a class without rows, or one that is never predicted; and where it is not estimable: for a metric of a
    class of fewer than `ESTIMABLE` patients, whose interval would be about as wide as the scale.

    Method: leaving each patient out (`resampling.without_each`) shows what she adds to the error
    (`shares.contributions`), hence the variance v, and Student's quantile (`shares.student`).
    - A share m (accuracy, precision, recall, F1, means by support) has Wilson's interval at the effective sample size
      m(1 − m)/v (Korn and Graubard, Survey Methodology 24, 1998; Franco et al., J. Survey Statistics and Methodology 7,
      2019, who recommend Wilson's form). A share of exactly 0 or 1 counts as p independent patients, those that bear on
      it: its interval is never a point.
    - An area has an interval symmetric on the logit (Pepe, "The Statistical Evaluation of Medical Tests", 2003, ch. 5),
      p being the patients with the class or those without, whichever are fewer. At 0 or 1 it counts as a share.
    - Quadratic kappa likewise, as (1 + κ)/2, whose logit is twice Fisher's z of κ (the intraclass correlation that it
      equals but for 1/n: Fleiss and Cohen, Educational and Psychological Measurement 33, 1973).
    - A mean over classes: `shares.mean_interval`. A class whose score is 0 by convention adds no width to it.
    - Seeds: `shares.over_seeds`.

    Coverage by simulation, and of what it was chosen from: docs/intervals.md.
    """
    each, count = out_of_fold.probabilities, out_of_fold.probabilities.shape[2]
    wanted = score_names(count) if names is None else tuple(names)
    parts = {f"{_MEANS[name]}:{k}" for name in wanted if name in _MEANS for k in range(count)}

    def scored(weights: Floats) -> dict[str, Floats]:  # (S, B) each
        found = [
            weighted_scores(labels, one, folds, weights, ordinal, {*wanted, *parts})
            for one, folds in zip(each, out_of_fold.folds, strict=True)
        ]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def over_seeds_mean(weights: Floats) -> dict[str, Floats]:
        return {name: own.mean(axis=0) for name, own in scored(weights).items()}

    seeds = {name: own[:, 0] for name, own in scored(np.ones((1, len(labels)))).items()}
    without = without_each(over_seeds_mean, patients)
    of, called = clusters(patients), each.argmax(axis=2)
    shares = {
        name: share
        for name in seeds
        if (share := _share(name, float(seeds[name].mean()), without[name], labels, called, of))
    }
    freedom = max(int(of.max()), 1)
    rare = {k for k in range(count) if len(np.unique(of[labels == k])) < ESTIMABLE}
    found: dict[str, Estimate | None] = {}
    for name in wanted:
        ends = None if _of_too_few(name, rare, count) else _ends(name, shares, count, level)
        found[name] = None if ends is None else _widened(ends, seeds[name], freedom, level, name)
    return found


def _of_too_few(name: str, rare: Collection[int], count: int) -> bool:
    """Tell whether a metric is of a class of too few patients; both of two classes have the one area."""
    kind, _, number = name.partition(":")
    if count == 2 and (kind in _AREAS or kind in _AREAS.values()):
        return bool(rare)
    return bool(number) and int(number) in rare


def few_patients(labels: NDArray[np.int64], patients: NDArray[np.str_], count: int) -> dict[int, int]:
    """Return for each class number below `count` with fewer than `FEW` patients how many it has."""
    of = clusters(patients)
    held = {k: len(np.unique(of[labels == k])) for k in range(count)}
    return {k: number for k, number in held.items() if number < FEW}


def _share(
    name: str,
    value: float,
    without: Floats,
    labels: NDArray[np.int64],
    called: NDArray[np.int64],
    of: NDArray[np.int64],
) -> Share | None:
    """Return a metric as a share of the rows that bear on it; `None` where there are none. `called` is (S, n)."""
    kind, _, number = name.partition(":")
    if not np.isfinite(value):
        return None
    everyone = int(of.max()) + 1
    if name == "kappa_quadratic":
        return Share(value=(1 + value) / 2, without=(1 + without) / 2, patients=everyone, rows=len(labels), area=True)
    if not number:
        return Share(value=value, without=without, patients=everyone, rows=len(labels), area="auroc" in kind)
    own = labels == int(number)
    asked = (called == int(number)).any(axis=0)
    bearing = {"precision": asked, "f1": own | asked}.get(kind, own)
    if not own.any() or not bearing.any():
        return None
    area = kind in _AREAS.values()
    held = min(len(np.unique(of[rows])) for rows in ((own, ~own) if area else (bearing,)))
    seen = without if held > 1 else np.full_like(without, np.nan)  # without the only one there is a 0 by convention
    return Share(value=value, without=seen, patients=held, rows=int(bearing.sum()), area=area)


def _ends(name: str, shares: Mapping[str, Share], count: int, level: float) -> tuple[float, float] | None:
    if name not in _MEANS:
        if name not in shares:
            return None
        low, high = shares[name].interval(level)
        return (2 * low - 1, 2 * high - 1) if name == "kappa_quadratic" else (low, high)
    own = [shares[part] for k in range(count) if (part := f"{_MEANS[name]}:{k}") in shares]
    if not own:
        return None
    with_absent = name not in (*_AREAS, "balanced_accuracy")  # elsewhere they count as 0
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

    What it estimates: the chance that a row of another patient is a hit. Assumptions, method: those of `intervals`.
    """
    if not len(hits):
        return None
    of = clusters(patients)
    weights = np.ones(len(hits)) if weights is None else weights
    hit, all_ = np.bincount(of, weights * hits), np.bincount(of, weights)
    left = np.where(len(all_) > 1, all_.sum() - all_, np.nan)
    value, without = float(hit.sum() / all_.sum()), (hit.sum() - hit) / left
    low, high = Share(value=value, without=without, patients=len(all_), rows=len(hits)).interval(level)
    return Estimate(value=value, low=max(low, 0.0), high=min(high, 1.0))


def estimates(
    scores: Callable[[Floats], Mapping[str, Floats]],
    patients: NDArray[np.str_],
    *,
    limits: Mapping[str, tuple[float, float]] | None = None,
    level: float = LEVEL,
) -> dict[str, Estimate | None]:
    """Return each statistic of n rows, of any unit, with its interval over patients (see `estimate`).

    `scores` takes weights (B, n) of the rows, 0 or 1, and returns by name the statistic (B,) of the rows that are in,
    NaN where it is undefined. `limits` says of a statistic between what it must lie.
    """
    once, without = scores(np.ones((1, len(patients)))), without_each(scores, patients)
    found = {name: estimate(float(once[name][0]), without[name], level) for name in once}
    for name, (least, most) in (limits or {}).items():
        if (one := found[name]) is not None:
            found[name] = Estimate(value=one.value, low=float(max(one.low, least)), high=float(min(one.high, most)))
    return found


def estimate(value: float, without: Floats, level: float = LEVEL) -> Estimate | None:
    """Return a mean or a difference with its interval, from its values (P,) `without` each patient; `None` if NaN.

    Symmetric: Student's quantile times the standard error (`shares.student`, `shares.contributions`). For what lies
    within [0, 1] use `rate`, `intervals` or `shares.Share`, which are closer there. The statistic must be smooth in the
    patients' weights (no quantile). Where no patient moves it, as where there is one only, both ends are the value.
    """
    if not np.isfinite(value):
        return None
    parts = contributions(value, without)
    reach = student(parts, len(parts), level) * float((parts**2).sum()) ** 0.5
    return Estimate(value=value, low=value - reach, high=value + reach)
