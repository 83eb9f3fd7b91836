"""How far a metric could be from what it estimates: intervals from resamples of whole patients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from birads_zoo.evaluation.resampling import cluster_weights, clusters, leave_one_out
from birads_zoo.evaluation.shares import Share, mean_interval, over_seeds
from birads_zoo.evaluation.weighted import score_names, weighted_scores

RESAMPLES = 2000
LEVEL = 0.95
METHOD = "resamples of whole patients: Wilson and logit ends, MOVER for macro averages, BCa for kappa"
FEW = 5
"""A class of fewer patients is marked wherever intervals are told: neither its own nor a macro average's is sure."""

_MEANS = {"macro_precision": "precision", "macro_recall": "recall", "macro_f1": "f1", "macro_auroc": "auroc"}
_MEANS |= {"balanced_accuracy": "recall"}
"""The means over classes, and of what."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Both ends of a confidence interval, in the metric's unit."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its confidence interval."""

    value: float
    low: float
    high: float


def as_json(found: Estimate | None) -> dict[str, float] | None:
    """Return an estimate as metrics.json has it: value, low and high, or null."""
    return None if found is None else asdict(found)


def intervals(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    patients: NDArray[np.str_],
    generator: np.random.Generator,
    *,
    ordinal: bool,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    names: Collection[str] | None = None,
) -> dict[str, Estimate | None]:
    """Return each metric (flat names of `evaluation.weighted.score_names`) with an interval at `level`.

    `probabilities` are (n, K), or (S, n, K) of S seeds, whose mean score is then meant. What is estimated: where the
    metric would lie on ever more patients of the same population, judged by these predictions (with S > 1: by other
    seeds' too). Assumptions: patients are independent, and so are seeds; the rows of a patient may depend on each other
    in any way. `None` where nothing can be said: a class without rows, or one that is never predicted.

    Method: resamples of whole patients (`resampling.cluster_weights`) give each metric's variance v.
    - A share m (accuracy, precision, recall, F1, means by support) has Wilson's interval at the effective sample size
      m(1 − m)/v, with Student's quantile of p − 1 degrees for the p patients that bear on it (Korn and Graubard, Survey
      Methodology 24, 1998; Franco et al., J. Survey Statistics and Methodology 7, 2019, who recommend Wilson's form). A
      share of exactly 0 or 1 counts as p independent patients: its interval is never a point.
    - An area has an interval symmetric on the logit (Pepe, "The Statistical Evaluation of Medical Tests", 2003, ch. 5),
      p being the patients with the class or those without, whichever are fewer. At 0 or 1 it counts as a share.
    - A mean over classes: `shares.mean_interval`. A class whose score is 0 by convention adds no width to it.
    - Quadratic kappa: `bounds`. Seeds: `shares.over_seeds`.

    Coverage measured at 95 %, 800 simulated samples each, 1 to 8 dependent images a patient. 60 patients, four classes,
    one of them of 8 %: accuracy 0.946, macro-F1 0.919 (0.947 where each class has `FEW` patients), macro area
    0.943; of the rare class, recall 0.992, F1 0.943, area 0.989. Four equally common classes: 0.960, 0.938, 0.961; of a
    class 0.964, 0.954, 0.968. One class of 4 % of 130 patients: macro-F1 0.899 (0.932), the class's F1 0.906
    (0.936). 25 patients of three classes: macro-F1 0.912 (0.926). 161 patients of two images and two classes: 0.939 to
    0.955 for every metric. So it falls short for macro-F1 where a class has fewer than `FEW` patients, and is too wide
    for recall of a rare class. BCa intervals covered recall 0.876, F1 0.889 and area 0.826 of the 8 % class.
    """
    each = probabilities if probabilities.ndim == 3 else probabilities[None]
    count = each.shape[2]
    wanted = score_names(count) if names is None else tuple(names)
    parts = {f"{_MEANS[name]}:{k}" for name in wanted if name in _MEANS for k in range(count)}
    weights = np.vstack([np.ones((1, len(labels))), cluster_weights(patients, resamples, generator)])
    scored = [weighted_scores(labels, one, weights, ordinal, {*wanted, *parts}) for one in each]
    seeds = {name: np.array([one[name][0] for one in scored]) for name in scored[0]}
    drawn = {name: np.mean([one[name][1:] for one in scored], axis=0) for name in scored[0]}
    of, called = clusters(patients), each.argmax(axis=2)
    shares = {
        name: share
        for name in scored[0]
        if (share := _share(name, float(seeds[name].mean()), drawn[name], labels, called, of, weights[1:]))
    }
    freedom = max(int(of.max()), 1)
    found: dict[str, Estimate | None] = {}
    for name in wanted:
        if name == "kappa_quadratic":
            left = [weighted_scores(labels, one, leave_one_out(patients), ordinal, (name,))[name] for one in each]
            ends = bounds(float(seeds[name].mean()), drawn[name], np.mean(left, axis=0), level)
        else:
            ends = _ends(name, shares, count, level)
        found[name] = None if ends is None else _widened(ends, seeds[name], freedom, level, name)
    return found


def few_patients(labels: NDArray[np.int64], patients: NDArray[np.str_], count: int) -> dict[int, int]:
    """Return for each class number below `count` with fewer than `FEW` patients how many it has."""
    of = clusters(patients)
    held = {k: len(np.unique(of[labels == k])) for k in range(count)}
    return {k: number for k, number in held.items() if number < FEW}


def _share(
    name: str,
    value: float,
    drawn: NDArray[np.float64],
    labels: NDArray[np.int64],
    called: NDArray[np.int64],
    of: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> Share | None:
    """Return a metric as a share of the rows that bear on it; `None` where there are none. `called` is (S, n)."""
    kind, _, number = name.partition(":")
    if not np.isfinite(value) or name == "kappa_quadratic":
        return None
    if not number:
        return Share(value=value, drawn=drawn, patients=int(of.max()) + 1, rows=len(labels), area="auroc" in kind)
    own = labels == int(number)
    asked = (called == int(number)).any(axis=0)
    bearing = {"recall": own, "precision": asked, "f1": own | asked, "auroc": own}[kind]
    if not own.any() or not bearing.any():
        return None
    held = [len(np.unique(of[rows])) for rows in ((own, ~own) if kind == "auroc" else (bearing,))]
    seen = np.where(weights @ bearing > 0, drawn, np.nan)  # a resample without such rows has a 0 by convention
    return Share(value=value, drawn=seen, patients=min(held), rows=int(bearing.sum()), area=kind == "auroc")


def _ends(name: str, shares: Mapping[str, Share], count: int, level: float) -> Interval | None:
    if name not in _MEANS:
        own = [shares[name]] if name in shares else []
    else:
        own = [shares[part] for k in range(count) if (part := f"{_MEANS[name]}:{k}") in shares]
    if not own:
        return None
    with_absent = name in _MEANS and name not in ("macro_auroc", "balanced_accuracy")  # there they count as 0
    divisor = count if with_absent else len(own)
    low, high = own[0].interval(level) if name not in _MEANS else mean_interval(own, divisor, level)
    return Interval(low=low, high=high)


def _widened(ends: Interval, scores: NDArray[np.float64], freedom: int, level: float, name: str) -> Estimate:
    low, high = over_seeds((ends.low, ends.high), scores, freedom, level)
    lowest = -1.0 if name == "kappa_quadratic" else 0.0
    return Estimate(value=float(scores.mean()), low=max(low, lowest), high=min(high, 1.0))


def estimates(
    scores: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]],
    patients: NDArray[np.str_],
    generator: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Estimate | None]:
    """Return each statistic of n rows with a patient-clustered interval (see `bounds`); `None` where undefined.

    `scores` takes weights (B, n) of the rows, whole numbers ≥ 0, and returns by name the statistic (B,) of as often
    repeated rows, NaN where it is undefined. Whatever it chooses from the rows, such as a threshold, it chooses anew
    in each of the B, so that the choice is part of the interval.
    """
    once = scores(np.ones((1, len(patients))))
    drawn = scores(cluster_weights(patients, resamples, generator))
    without = scores(leave_one_out(patients))
    return {name: estimate(float(once[name][0]), drawn[name], without[name], level) for name in once}


def estimate(
    value: float, drawn: NDArray[np.float64], without: NDArray[np.float64], level: float = LEVEL
) -> Estimate | None:
    """Return `value` with its `bounds`; `None` where they are not defined."""
    ends = bounds(value, drawn, without, level)
    return None if ends is None else Estimate(value=value, low=ends.low, high=ends.high)


def of_rate(found: Estimate | None, patients: int, level: float = LEVEL) -> Estimate | None:
    """Widen the interval of a rate that is 0 or 1 in all `patients`, whose resamples do not vary.

    The far end is Clopper and Pearson's (Biometrika 26, 1934) for as many independent patients of one image each,
    1 − (α/2)^(1/P) away; any other rate keeps its interval. Coverage of a class's recall measured at 95 %, 500
    simulated samples of 60 patients with 1 to 8 dependent images, 8 % of the patients of the class: where it is 0.95,
    0.982 (without this 0.735), where it is 0.8, 0.939 (0.902).
    """
    if found is None or found.value not in (0.0, 1.0):
        return found
    reach = 1 - ((1 - level) / 2) ** (1 / patients)
    return Estimate(value=found.value, low=max(found.value - reach, 0.0), high=min(found.value + reach, 1.0))


def bounds(
    value: float, drawn: NDArray[np.float64], without: NDArray[np.float64], level: float = LEVEL
) -> Interval | None:
    """Return the bias-corrected and accelerated interval (BCa) of a statistic; `None` where it is not defined.

    `value` is the statistic of all rows, `drawn` (B,) of resamples of patients and `without` (P,) of all patients but
    one. Efron, "Better Bootstrap Confidence Intervals", JASA 82, 1987, eq. 2.3 (z0), 6.6 (acceleration from the
    jackknife), its normal quantiles widened to √(P/(P−1)) times Student's t of P − 1 degrees, since a bootstrap of few
    patients is too narrow by that much (Hesterberg, The American Statistician 69, 2015, sect. 4.1). Draws that equal
    `value` count half to either side, since metrics of few rows have ties. Draws in which the statistic is undefined
    are left out.

    For kappa, gains and the readings of a run (with `of_rate`). It covered kappa in 0.909 (at a kappa of 0.92) to
    0.941 of the samples that `intervals` tells of; it is too narrow for a share of few patients.
    """
    drawn, without = drawn[np.isfinite(drawn)], without[np.isfinite(without)]
    if not np.isfinite(value) or len(drawn) < 2:
        return None
    share = ((drawn < value).sum() + 0.5 * (drawn == value).sum()) / len(drawn)
    if not 0 < share < 1 or np.ptp(drawn) == 0:
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return Interval(low=float(low), high=float(high))
    lean = norm.ppf(share)
    spread = without.mean() - without if len(without) else np.zeros(1)
    scale = float((spread**2).sum()) ** 1.5
    acceleration = float((spread**3).sum()) / (6 * scale) if scale > 0 else 0.0
    count = max(len(without), 2)
    ends = np.sqrt(count / (count - 1)) * t.ppf([(1 - level) / 2, (1 + level) / 2], count - 1)
    moved = lean + (lean + ends) / (1 - acceleration * (lean + ends))
    low, high = np.quantile(drawn, norm.cdf(moved))
    return Interval(low=float(low), high=float(high))
