"""From a study's runs to the leaderboard: scores with intervals, ties by test, gains, costs, effects of ablations."""

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
from birads_zoo.study.execute import Failure
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
    """Judge every variant of a study by its metric, on the rows that all predicted; `predicted` is not empty.

    Entries are sorted by score, those without one last. Every pair that does not predict the very same is compared (see
    `score.compare`) and the p-values are corrected over these pairs (`score.adjusted`); an entry shares the rank of a
    better one from which no difference is shown (`statistics.comparison.rank_with_ties`). `smallest_gap` is the largest
    that any pair has: a gap that this data would show between any two of these models with power 0.8, before
    correction. With one seed nothing is tested, and there are no ranks.
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
    found = predicted[variant.name]
    own = values(found, study.metric, ordinal=ordinal)
    gain, over = _gain(found, study.metric)
    costs = found.costs
    return replace(
        entry,
        score=score(found, study.metric, ordinal=ordinal),
        auroc=score(found, "macro_auroc", ordinal=ordinal),
        gain=gain,
        seed_spread=statistics.stdev(own) if len(own) > 1 and np.isfinite(own).all() else None,
        fold_spread=_fold_spread(found, study.metric),
        by_fold=_by_fold(found, study.seeds, study.metric),
        best_shortcut=over,
        per_class=_per_class(found),
        parameters=costs[0].parameters,  # the same for every seed, as the arithmetic is
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

    `None` stands where nothing is tested: on the diagonal, between models that predict the very same, and with one
    seed.
    """
    pairs = [
        (i, j)
        for i, j in itertools.combinations(range(len(names)), 2)
        if not same_predictions(predicted[names[i]], predicted[names[j]])
    ]
    found = [compare(predicted[names[i]], predicted[names[j]], metric, ordinal=ordinal) for i, j in pairs]
    table: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (i, j), p in zip(pairs, adjusted([None if one is None else one.p_value for one in found]), strict=True):
        table[i][j] = table[j][i] = p
    gaps = [one.smallest_gap for one in found if one is not None and one.smallest_gap is not None]
    return table, max(gaps, default=None)


def _ranks(entries: Sequence[Entry], pairwise: Sequence[Sequence[float | None]]) -> list[int | None]:
    """Return the ranks of the entries that have a score, which come first; models that predict the same are equal."""
    scores = np.array([entry.score.value for entry in entries if entry.score is not None])
    shown = np.array([[1.0 if p is None else p for p in row] for row in pairwise])
    return [int(rank) for rank in rank_with_ties(scores, shown)]


def _per_class(found: Predicted) -> tuple[ClassScore, ...]:
    of = clusters(found.patients)
    return tuple(
        ClassScore(
            name=name,
            f1=mean_of_known([metrics.per_class[k].f1 for metrics in found.metrics]),
            auroc=mean_of_known([metrics.per_class[k].auroc for metrics in found.metrics]),
            n=int((found.labels == k).sum()),
            patients=len(np.unique(of[found.labels == k])),
            basis=_least([areas[name] for metrics in found.metrics if name in (areas := metrics.intervals.areas)]),
        )
        for k, name in enumerate(found.classes)
    )


def _least(each: Sequence[Pairs]) -> Pairs | None:
    return min(each, key=lambda one: (not one.few, one.pairs), default=None)


def _by_fold(found: Predicted, seeds: Sequence[int], metric: Metric) -> tuple[FoldScore, ...]:
    return tuple(
        FoldScore(seed=seed, fold=fold.fold, n=fold.n, value=fold.score(metric))
        for seed, run in zip(seeds, found.metrics, strict=True)
        for fold in run.per_fold
    )


def _fold_spread(found: Predicted, metric: Metric) -> float | None:
    """Return the root of the seeds' mean variance over folds; every seed cuts folds of its own."""
    own = [run.spread_over_folds.of(metric).sd for run in found.metrics]
    variance = mean_of_known([None if sd is None else sd**2 for sd in own])
    return None if variance is None else variance**0.5


def _gain(found: Predicted, metric: Metric) -> tuple[Estimate | None, str]:
    """Return the mean over seeds of the gain over the best shortcut and of its interval's ends, and that shortcut.

    Each run has its own folds and so its own shortcuts; the mean of the ends is an interval that is too wide rather
    than too narrow, as the mean of several runs varies less than one.
    """
    own = [gain for run in found.metrics if (gain := run.gain.of(metric)) is not None]
    if len(own) < len(found.metrics):
        return None, ""
    mean = Estimate(
        value=statistics.fmean(gain.value for gain in own),
        low=statistics.fmean(gain.low for gain in own),
        high=statistics.fmean(gain.high for gain in own),
    )
    return mean, statistics.mode(gain.over for gain in own)
