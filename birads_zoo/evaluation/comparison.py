"""Whether one model is better than another on the same rows, and by how much it beats what needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from birads_zoo.evaluation.intervals import LEVEL, RESAMPLES, estimate
from birads_zoo.evaluation.resampling import cluster_weights, clusters, without_each
from birads_zoo.evaluation.weighted import weighted_scores
from birads_zoo.results.estimate import Estimate

POWER = 0.8
SIGNIFICANCE = 0.05
ONE_SEED = (
    "With one seed the tests speak of these trained models alone: two recipes that are worth the same can come out"
    " different, which another seed would not confirm (one test in four, in a simulation)."
)
"""What stands under every comparison of one seed; the rate is simulated in the tests of `study.ablate`."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`first` minus `second`, its interval and two-sided p-value, and the true gap found with power 0.8 at 5 %."""

    difference: float
    low: float
    high: float
    p_value: float
    smallest_gap: float


def compare_pair(
    labels: NDArray[np.int64],
    first: Floats,
    second: Floats,
    patients: NDArray[np.str_],
    metric: str,
    generator: np.random.Generator,
    *,
    ordinal: bool,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Comparison:
    """Compare two models' probabilities (n, K), or (S, n, K) of S seeds each, on the same n rows.

    What it estimates: the mean difference of `metric` (a flat name of `evaluation.weighted`) over other patients and,
    with S > 1, other seeds. Assumptions: patients are independent, seeds are, and seed s of both shares its folds.
    Method: the difference's variance over patients is that of resamples of whole patients, drawn once for both models,
    so that what makes a patient easy or hard for both cancels (Davison and Hinkley 1997, ch. 3.8); that over seeds is
    (s₁² + s₂²)/S of the models' S scores, which is too large rather than too small where their seeds go together. Their
    sum goes into a t test, its degrees of freedom by Satterthwaite (Biometrics Bulletin 2, 1946) from P − 1 patients
    and 2(S − 1) seeds. With one seed it speaks of these two trained models, not of
    their recipes. Differences of 0 everywhere have p = 1. Size and power are simulated in its tests.
    """
    one, other = (np.atleast_3d(p) if p.ndim == 3 else p[None] for p in (first, second))
    weights = np.vstack([np.ones((1, len(labels))), cluster_weights(patients, resamples, generator)])
    scored = np.stack(
        [
            [weighted_scores(labels, seed, weights, ordinal, (metric,))[metric] for seed in model]
            for model in (one, other)
        ]
    )
    gaps, seeds, count = scored[0] - scored[1], scored.shape[1], int(clusters(patients).max()) + 1
    difference = float(gaps[:, 0].mean())
    over_patients = float(np.nanvar(gaps[:, 1:].mean(axis=0), ddof=1)) * count / max(count - 1, 1)
    over_seeds = float(scored[:, :, 0].var(axis=1, ddof=1).sum()) / seeds if seeds > 1 else 0.0
    variance = over_patients + over_seeds
    if not variance > 0:
        same = difference == 0
        return Comparison(
            difference=difference, low=difference, high=difference, p_value=1.0 if same else 0.0, smallest_gap=0.0
        )
    shares = over_patients**2 / max(count - 1, 1) + (over_seeds**2 / (2 * seeds - 2) if seeds > 1 else 0.0)
    freedom, error = variance**2 / shares, variance**0.5
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    return Comparison(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=float(2 * t.sf(abs(difference) / error, freedom)),
        smallest_gap=float(t.ppf(1 - SIGNIFICANCE / 2, freedom) + t.ppf(POWER, freedom)) * error,
    )


def gain_over_best(
    labels: NDArray[np.int64],
    model: Floats,
    shortcuts: Mapping[str, Floats],
    patients: NDArray[np.str_],
    metrics: Sequence[str],
    *,
    ordinal: bool,
    level: float = LEVEL,
) -> dict[str, tuple[str, Estimate | None]]:
    """Return for each metric the best shortcut's name, and how much more `model` scores than the best shortcut.

    What it estimates: what the model knows that no shortcut does, on other patients. All probabilities are (n, K) of
    the same rows, so that what makes a patient easy or hard for both cancels. The interval is symmetric
    (`intervals.estimate`); the best shortcut is chosen anew without each patient. Among several about equally good ones
    the best in the data is better by chance, so that the gain is then told too small rather than too large.
    `None` where a metric is undefined. Coverage: docs/intervals.md.
    """
    networks = {"": model, **shortcuts}

    def gains(weights: Floats) -> dict[str, Floats]:
        scored = {
            name: weighted_scores(labels, probabilities, weights, ordinal, metrics)
            for name, probabilities in networks.items()
        }
        best = {metric: np.stack([scored[name][metric] for name in shortcuts]).max(axis=0) for metric in metrics}
        return {metric: scored[""][metric] - best[metric] for metric in metrics}

    all_in = np.ones((1, len(labels)))
    rungs = {name: weighted_scores(labels, own, all_in, ordinal, metrics) for name, own in shortcuts.items()}
    once, without = gains(all_in), without_each(gains, patients)
    found: dict[str, tuple[str, Estimate | None]] = {}
    for metric in metrics:
        reached = np.array([rungs[name][metric][0] for name in shortcuts])
        over = list(shortcuts)[int(np.nanargmax(reached))] if np.isfinite(reached).any() else ""
        found[metric] = (over, estimate(float(once[metric][0]), without[metric], level))
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct m p-values so that the chance of any false alarm among them stays below the level.

    However the tests depend on each other (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, dtype=np.float64)[order] * (len(order) - np.arange(len(order)))
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return [float(p) for p in corrected]


def rank_with_ties(scores: Floats, pairwise: Floats) -> list[int]:
    """Return ranks of m models, 1 for the best: equal where no difference to the group's best is shown.

    `scores` (m,), the higher the better, in any order; `pairwise` (m, m) are corrected p-values. Going down from the
    best, a model opens a new group, ranked by its place, when it differs at 5 % from the best of the current one.
    """
    ranks = [0] * len(scores)
    leader = -1
    for place, model in enumerate(np.argsort(-scores, kind="stable")):
        if leader < 0 or pairwise[leader, model] < SIGNIFICANCE:
            leader, rank = int(model), place + 1
        ranks[int(model)] = rank
    return ranks
