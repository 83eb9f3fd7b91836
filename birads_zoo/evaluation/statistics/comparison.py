"""Compares two models on the same rows, and a model with the shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.intervals import LEVEL, estimate
from birads_zoo.evaluation.statistics.left_out import scores_without_each
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.evaluation.statistics.shares import contributions, freedom
from birads_zoo.evaluation.statistics.weighted import weighted_scores
from birads_zoo.results.estimate import Estimate

POWER = 0.8
SIGNIFICANCE = 0.05
ONE_SEED = (
    "Seed noise not measured: with one seed, two equally good recipes come out different in up to 27 % of comparisons"
    " (in a simulation), so there is no verdict. Use three seeds or more."
)
"""The note under every comparison with one seed; docs/intervals.md has the simulation of the rate."""
SEED_NOISE = "seed noise not measured"
"""The verdict of a comparison with one seed."""
UNDEFINED = "undefined: the metric cannot be computed on these rows"
"""The verdict where the metric is undefined."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The difference `first` minus `second` with its interval, two-sided p-value, and smallest detectable gap.

    `smallest_gap` is the true difference that the test at 5 % detects with a power of 0.8. With one seed the interval
    is of these two trained models, on other patients, and the last two are `None`.
    """

    difference: float
    low: float
    high: float
    p_value: float | None
    smallest_gap: float | None


def compare_pair(
    labels: NDArray[np.int64],
    first: OutOfFold,
    second: OutOfFold,
    patients: NDArray[np.str_],
    metric: str,
    *,
    ordinal: bool,
    level: float = LEVEL,
) -> Comparison | None:
    """Compare two models' predictions of the same n rows, with S seeds each; `None` where the metric is undefined.

    What it estimates: the mean difference of `metric` (a flat name of `statistics.weighted`) over other patients and,
    with S > 1, other seeds. Assumptions: patients are independent, and so are seeds.

    Method: a t test of the difference, whose variance has two parts. The part over patients comes from leaving each
    patient out of both models' rows (`shares.contributions`), so that what makes a patient easy or hard for both
    cancels. The part over seeds is (s₁² + s₂²)/S of the models' S scores. Both parts include the variation of single
    patients with single seeds, so it is subtracted once from the seeds' part, down to 0 at most (two-way clustering:
    Cameron, Gelbach and Miller, J. Business and Economic Statistics 29, 2011). The degrees of freedom are combined by
    Satterthwaite (Biometrics Bulletin 2, 1946) from those over patients (`shares.freedom`: few patients that make up
    most of the error count as few) and the 2(S − 1) of the seeds.

    With one seed there is no test: the effect of another seed is unknown, and may be as large as the difference.
    Differences of 0 everywhere have p = 1. Coverage: docs/intervals.md; size and power are simulated in its tests.
    """
    of, all_in, names = clusters(patients), np.ones((1, len(labels))), (metric,)
    predicted = [pair for model in (first, second) for pair in zip(model.probabilities, model.folds, strict=True)]
    shape = (2, len(first.probabilities), -1)
    once = np.stack([weighted_scores(labels, *pair, all_in, ordinal, names)[metric] for pair in predicted])
    without = np.stack([scores_without_each(labels, *pair, of, ordinal, names)[metric] for pair in predicted])
    once, without = once.reshape(shape), without.reshape(shape)
    seeds, gap = once.shape[1], once.mean(axis=1)
    difference = float(gap[0, 0] - gap[1, 0])
    if not np.isfinite(difference):
        return None
    each = contributions(once, without)  # (2, S, P)
    parts = each[0].mean(axis=0) - each[1].mean(axis=0)
    over_patients = float((parts**2).sum())
    over_seeds = float(once.var(axis=1, ddof=1).sum()) / seeds if seeds > 1 else 0.0
    of_both_kinds = float(each.var(axis=1, ddof=1).sum()) / seeds if seeds > 1 else 0.0
    variance = over_patients + max(over_seeds - of_both_kinds, 0.0)
    if not variance > 0:
        p_value, smallest = (1.0 if difference == 0 else 0.0, 0.0) if seeds > 1 else (None, None)
        return Comparison(
            difference=difference, low=difference, high=difference, p_value=p_value, smallest_gap=smallest
        )
    shares = over_patients**2 / freedom(parts, len(parts)) + (over_seeds**2 / (2 * seeds - 2) if seeds > 1 else 0.0)
    degrees, error = max(variance**2 / shares, 1.0), variance**0.5
    reach = float(t.ppf((1 + level) / 2, degrees)) * error
    smallest = float(t.ppf(1 - SIGNIFICANCE / 2, degrees) + t.ppf(POWER, degrees)) * error
    return Comparison(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=float(2 * t.sf(abs(difference) / error, degrees)) if seeds > 1 else None,
        smallest_gap=smallest if seeds > 1 else None,
    )


def gain_over_best(
    labels: NDArray[np.int64],
    model: Floats,
    shortcuts: Mapping[str, Floats],
    folds: NDArray[np.int64],
    patients: NDArray[np.str_],
    metrics: Sequence[str],
    *,
    ordinal: bool,
    level: float = LEVEL,
) -> dict[str, tuple[str, Estimate | None]]:
    """Return for each metric the best shortcut's name, and how much higher `model` scores than that.

    What it estimates: the model's gain over the best shortcut on other patients. All probabilities are (n, K) of the
    same rows, predicted in the same `folds` (n,), so that what makes a patient easy or hard for both cancels. The
    interval is symmetric (`intervals.estimate`); the best shortcut is chosen again without each patient. Of several
    about equally good shortcuts, the best in the data is better by chance; the gain is then too small rather than too
    large. `None` where a metric is undefined. Coverage: docs/intervals.md.
    """
    predictors = {"": model, **shortcuts}
    of, all_in = clusters(patients), np.ones((1, len(labels)))
    once = {name: weighted_scores(labels, own, folds, all_in, ordinal, metrics) for name, own in predictors.items()}
    without = {name: scores_without_each(labels, own, folds, of, ordinal, metrics) for name, own in predictors.items()}

    def gain(scores: Mapping[str, Mapping[str, Floats]], metric: str) -> Floats:
        reached: Floats = scores[""][metric] - np.stack([scores[name][metric] for name in shortcuts]).max(axis=0)
        return reached

    results: dict[str, tuple[str, Estimate | None]] = {}
    for metric in metrics:
        reached = np.array([once[name][metric][0] for name in shortcuts])
        over = list(shortcuts)[int(np.nanargmax(reached))] if np.isfinite(reached).any() else ""
        results[metric] = (over, estimate(float(gain(once, metric)[0]), gain(without, metric), level))
    return results


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct m p-values so that the chance of any false alarm among them stays below the level.

    The tests may depend on each other in any way (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, dtype=np.float64)[order] * (len(order) - np.arange(len(order)))
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return [float(p) for p in corrected]


def rank_with_ties(scores: Floats, pairwise: Floats) -> list[int]:
    """Return ranks of m models, 1 for the best: equal where no difference to the group's best is shown.

    `scores` (m,) are in any order, higher is better; `pairwise` (m, m) are corrected p-values. From the best down, a
    model starts a new group, ranked by its place, when it differs at 5 % from the best of the current group.
    """
    ranks = [0] * len(scores)
    leader = -1
    for place, model in enumerate(np.argsort(-scores, kind="stable")):
        if leader < 0 or pairwise[leader, model] < SIGNIFICANCE:
            leader, rank = int(model), place + 1
        ranks[int(model)] = rank
    return ranks
