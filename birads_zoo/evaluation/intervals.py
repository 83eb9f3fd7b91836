"""How far a metric could be from what it estimates: patient-clustered bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from birads_zoo.evaluation.resampling import cluster_weights, clusters, leave_one_out
from birads_zoo.evaluation.weighted import weighted_scores

RESAMPLES = 2000
LEVEL = 0.95


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

    What it estimates: where the metric would lie on ever more patients of the same population, judged by these
    predictions. `None` where the metric or its interval is undefined. See `bounds` for the method, and `of_rate` for
    accuracy, recall and precision.
    """
    found = estimates(
        lambda weights: weighted_scores(labels, probabilities, weights, ordinal, names),
        patients,
        generator,
        resamples=resamples,
        level=level,
    )
    of, called = clusters(patients), probabilities.argmax(axis=1)
    rates = {"accuracy": labels >= 0}
    for k in range(probabilities.shape[1]):
        rates |= {f"recall:{k}": labels == k, f"precision:{k}": called == k}
    for name, rows in rates.items():
        if name in found and rows.any():
            found[name] = of_rate(found[name], len(np.unique(of[rows])), level)
    return found


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

    Coverage measured at 95 %, 600 simulated samples of 60 patients with 1 to 8 dependent images of four equally common
    classes: accuracy 0.950, macro-F1 0.938 (percentile: 0.912), macro ROC-AUC 0.937, a class's recall 0.935. A
    class with few patients is covered less: with 8 % of 60 patients its recall's interval held the truth in 0.83
    without `of_rate`.
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
