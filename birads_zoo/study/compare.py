"""Makes a study's leaderboard: scores with intervals, tested ranks, gains, costs, and effects of ablations."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from birads_zoo.evaluation.statistics.comparison import rank_with_ties
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.recipes.registry import Reference
from birads_zoo.report.study.leaderboard import ClassScore, Entry, FoldScore, Leaderboard
from birads_zoo.results.environment import Machine
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs
from birads_zoo.results.scores import Metric
from birads_zoo.study.ablate import effects
from birads_zoo.study.executors.tasks import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study, Variant
from birads_zoo.study.redaction import public_command, public_text
from birads_zoo.study.score import (
    adjusted,
    compare,
    mean_of_known,
    same_predictions,
    score,
    shortcut_scores,
    values,
)


def leaderboard(
    study: Study,
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    environment: Machine,
    references: Sequence[Reference],
    *,
    ordinal: bool,
) -> Leaderboard:
    """Compare the variants of a study by its metric, on the rows that all predicted; `predicted` is not empty.

    Entries are sorted by score; entries without a score are last. Each pair of models with different predictions is
    compared (see `score.compare`), and the p-values are corrected over these pairs (`score.adjusted`). An entry shares
    the rank of a better entry if no difference between them is shown (`statistics.comparison.rank_with_ties`).
    `smallest_gap` is the largest of all pairs: a gap that this data would show between any two of these models with
    power 0.8, before correction. With one seed nothing is tested, and there are no ranks.
    """
    entries = [_entry(variant, study, predicted, failures, ordinal=ordinal) for variant in study.variants]
    entries.sort(key=lambda entry: -np.inf if entry.score is None else entry.score.value, reverse=True)
    scored = [entry.name for entry in entries if entry.score is not None]
    pairwise, gap = _pairwise(scored, predicted, study.metric, ordinal=ordinal)
    ranks = _ranks(entries, pairwise) if len(study.seeds) > 1 else [None] * len(scored)
    first = next(iter(predicted.values()))
    recipe, metrics = study.variants[0].recipe, first.metrics[0]
    absent = [None] * (len(entries) - len(scored))
    return Leaderboard(
        title=f"{len(study.variants)} models on {recipe.dataset.name}",
        dataset=recipe.dataset.name,
        target=metrics.target,
        split=metrics.split,
        leaky=metrics.leaky,
        folds=metrics.folds,
        n=len(first.labels),
        patients=metrics.patients,
        classes=first.classes,
        metric=study.metric,
        entries=tuple(entries),
        ranks=(*ranks, *absent),
        pairwise=(*((*row, *absent) for row in pairwise), *[(None,) * len(entries)] * len(absent)),
        smallest_gap=gap,
        shortcuts=shortcut_scores(first, study.metric),
        references=tuple(references),
        ablations=effects(study.variants, predicted, failures, study.metric, ordinal=ordinal),
        environment=environment,
        command=public_command(study.command),
        level=metrics.level,
        leak_proven=metrics.leak_proven,
    )


def _entry(
    variant: Variant,
    study: Study,
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    *,
    ordinal: bool,
) -> Entry:
    recipe = variant.recipe
    entry = Entry(
        name=variant.name,
        backbone=recipe.model.backbone,
        ablations=recipe.ablations,
        recipe=variant.mark,
        start=variant.start,
        seeds=study.seeds,
    )
    if variant.name in failures:
        return replace(entry, error=public_text(failures[variant.name].reason))
    predictions = predicted[variant.name]
    scores = values(predictions, study.metric, ordinal=ordinal)
    gain, over = _gain(predictions, study.metric)
    costs = predictions.costs
    return replace(
        entry,
        score=score(predictions, study.metric, ordinal=ordinal),
        auroc=score(predictions, "macro_auroc", ordinal=ordinal),
        gain=gain,
        seed_spread=statistics.stdev(scores) if len(scores) > 1 and np.isfinite(scores).all() else None,
        fold_spread=_fold_spread(predictions, study.metric),
        by_fold=_by_fold(predictions, study.seeds, study.metric),
        best_shortcut=over,
        per_class=_per_class(predictions),
        parameters=costs[0].parameters,  # the same for every seed, and so are the FLOPs
        flops=costs[0].flops,
        train_rate=mean_of_known([cost.train_rate for cost in costs]),
        predict_rate=mean_of_known([cost.predict_rate for cost in costs]),
        peak_memory=mean_of_known([cost.peak_memory for cost in costs]),
        energy=mean_of_known([cost.energy for cost in costs]),
        seconds=mean_of_known([cost.seconds for cost in costs]),
    )


def _pairwise(
    names: Sequence[str], predicted: Mapping[str, Predicted], metric: Metric, *, ordinal: bool
) -> tuple[list[list[float | None]], float | None]:
    """Return the adjusted p-value of every pair, and the largest of their smallest gaps.

    A p-value is `None` where nothing is tested: on the diagonal, between models with the same predictions, and with
    one seed.
    """
    pairs = [
        (i, j)
        for i, j in itertools.combinations(range(len(names)), 2)
        if not same_predictions(predicted[names[i]], predicted[names[j]])
    ]
    comparisons = [compare(predicted[names[i]], predicted[names[j]], metric, ordinal=ordinal) for i, j in pairs]
    table: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (i, j), p in zip(
        pairs, adjusted([None if comparison is None else comparison.p_value for comparison in comparisons]), strict=True
    ):
        table[i][j] = table[j][i] = p
    gaps = [
        comparison.smallest_gap
        for comparison in comparisons
        if comparison is not None and comparison.smallest_gap is not None
    ]
    return table, max(gaps, default=None)


def _ranks(entries: Sequence[Entry], pairwise: Sequence[Sequence[float | None]]) -> list[int | None]:
    """Return the ranks of the entries that have a score, which come first; models with equal predictions share one."""
    scores = np.array([entry.score.value for entry in entries if entry.score is not None])
    shown = np.array([[1.0 if p is None else p for p in row] for row in pairwise])
    return [int(rank) for rank in rank_with_ties(scores, shown)]


def _per_class(predicted: Predicted) -> tuple[ClassScore, ...]:
    of = clusters(predicted.patients)
    return tuple(
        ClassScore(
            name=name,
            f1=mean_of_known([metrics.per_class[k].f1 for metrics in predicted.metrics]),
            auroc=mean_of_known([metrics.per_class[k].auroc for metrics in predicted.metrics]),
            n=int((predicted.labels == k).sum()),
            patients=len(np.unique(of[predicted.labels == k])),
            basis=_least([areas[name] for metrics in predicted.metrics if name in (areas := metrics.intervals.areas)]),
        )
        for k, name in enumerate(predicted.classes)
    )


def _least(bases: Sequence[Pairs]) -> Pairs | None:
    return min(bases, key=lambda basis: (not basis.few, basis.pairs), default=None)


def _by_fold(predicted: Predicted, seeds: Sequence[int], metric: Metric) -> tuple[FoldScore, ...]:
    return tuple(
        FoldScore(seed=seed, fold=fold.fold, n=fold.n, value=fold.score(metric))
        for seed, run in zip(seeds, predicted.metrics, strict=True)
        for fold in run.per_fold
    )


def _fold_spread(predicted: Predicted, metric: Metric) -> float | None:
    """Return the root of the seeds' mean variance over folds; every seed has its own folds."""
    deviations = [run.spread_over_folds.of(metric).sd for run in predicted.metrics]
    variance = mean_of_known([None if sd is None else sd**2 for sd in deviations])
    return None if variance is None else variance**0.5


def _gain(predicted: Predicted, metric: Metric) -> tuple[Estimate | None, str]:
    """Return the mean over seeds of the gain over the best shortcut with its interval, and that shortcut.

    Each run has its own folds and so its own shortcuts. The ends of the interval are averaged as well. It is too wide
    rather than too narrow, because the mean of several runs varies less than a single run.
    """
    gains = [gain for run in predicted.metrics if (gain := run.gain.of(metric)) is not None]
    if len(gains) < len(predicted.metrics):
        return None, ""
    mean = Estimate(
        value=statistics.fmean(gain.value for gain in gains),
        low=statistics.fmean(gain.low for gain in gains),
        high=statistics.fmean(gain.high for gain in gains),
    )
    return mean, statistics.mode(gain.over for gain in gains)
