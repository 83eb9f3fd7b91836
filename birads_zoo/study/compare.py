"""From a study's runs to the leaderboard: scores with intervals, ties by test, gains, costs, effects of ablations."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from birads_zoo.data.splits import is_leaky
from birads_zoo.evaluation.comparison import rank_with_ties
from birads_zoo.evaluation.intervals import Estimate
from birads_zoo.evaluation.leaderboard import ClassScore, Entry, FoldScore, Leaderboard
from birads_zoo.evaluation.resampling import clusters
from birads_zoo.registry import Reference
from birads_zoo.study.ablate import effects
from birads_zoo.study.execute import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study, Variant
from birads_zoo.study.public import public_command, public_text
from birads_zoo.study.score import adjusted, compare, mean_of_known, score, shortcut_scores, values


def leaderboard(
    study: Study,
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    environment: Mapping[str, Any],
    references: Sequence[Reference],
    *,
    ordinal: bool,
) -> Leaderboard:
    """Judge every variant of a study by its metric, on the rows that all predicted; `predicted` is not empty.

    Entries are sorted by score, those without one last. Every pair is compared (see `score.compare`) and the p-values
    are corrected over all pairs (`score.adjusted`); an entry shares the rank of a better one from which no difference
    is shown (`evaluation.comparison.rank_with_ties`). `smallest_gap` is the largest that any pair has: a gap that
    this data would show between any two of these models with power 0.8, before correction.
    """
    entries = [_entry(variant, study, predicted, failures, ordinal=ordinal) for variant in study.variants]
    entries.sort(key=lambda entry: -np.inf if entry.score is None else entry.score.value, reverse=True)
    scored = [entry.name for entry in entries if entry.score is not None]
    pairwise, gap = _pairwise(scored, predicted, study.metric, ordinal=ordinal)
    ranks = rank_with_ties(
        np.array([entry.score.value for entry in entries if entry.score is not None]),
        np.array([[1.0 if p is None else p for p in row] for row in pairwise]),
    )
    first = next(iter(predicted.values()))
    recipe, metrics = study.variants[0].recipe, first.metrics[0]
    absent = [None] * (len(entries) - len(scored))
    return Leaderboard(
        title=f"{len(study.variants)} models on {recipe.dataset.name}",
        dataset=recipe.dataset.name,
        target=metrics["target"],
        split=metrics["split"],
        leaky=is_leaky(metrics["split"]),
        folds=metrics["folds"],
        n=len(first.labels),
        patients=metrics["patients"],
        classes=first.classes,
        metric=study.metric,
        entries=tuple(entries),
        ranks=(*(int(rank) for rank in ranks), *absent),
        pairwise=(*((*row, *absent) for row in pairwise), *[(None,) * len(entries)] * len(absent)),
        smallest_gap=gap,
        shortcuts=shortcut_scores(first, study.metric),
        references=tuple(references),
        ablations=effects(study.variants, predicted, failures, study.metric, ordinal=ordinal),
        environment=environment,
        command=public_command(study.command),
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
    about: dict[str, Any] = {
        "name": variant.name,
        "backbone": recipe.model.backbone,
        "ablations": recipe.ablations,
        "recipe": variant.mark,
        "start": variant.start,
        "seeds": study.seeds,
    }
    if variant.name in failures:
        return Entry(**about, error=public_text(failures[variant.name].said), **_UNKNOWN)
    found = predicted[variant.name]
    own = values(found, study.metric, ordinal=ordinal)
    gain, over = _gain(found, study.metric)
    return Entry(
        **about,
        error="",
        score=score(found, study.metric, ordinal=ordinal),
        auroc=score(found, "macro_auroc", ordinal=ordinal),
        gain=gain,
        seed_spread=statistics.stdev(own) if len(own) > 1 and np.isfinite(own).all() else None,
        fold_spread=_fold_spread(found, study.metric),
        by_fold=_by_fold(found, study.seeds, study.metric),
        best_shortcut=over,
        per_class=_per_class(found),
        parameters=_cost(found, "parameters"),
        flops=_cost(found, "flops"),
        train_rate=_cost(found, "train_rate"),
        predict_rate=_cost(found, "predict_rate"),
        peak_memory=_cost(found, "peak_memory"),
        energy=_cost(found, "energy"),
        seconds=_cost(found, "seconds"),
    )


_UNKNOWN: dict[str, Any] = {
    **dict.fromkeys(("score", "auroc", "gain", "seed_spread", "fold_spread", "parameters")),
    **dict.fromkeys(("flops", "train_rate", "predict_rate", "peak_memory", "energy", "seconds")),
    "best_shortcut": "",
    "per_class": (),
    "by_fold": (),
}


def _pairwise(
    names: Sequence[str], predicted: Mapping[str, Predicted], metric: str, *, ordinal: bool
) -> tuple[list[list[float | None]], float | None]:
    """Return the adjusted p-value of every pair (`None` on the diagonal), and the largest of their smallest gaps."""
    pairs = list(itertools.combinations(range(len(names)), 2))
    found = [compare(predicted[names[i]], predicted[names[j]], metric, ordinal=ordinal) for i, j in pairs]
    table: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (i, j), p in zip(pairs, adjusted([one.p_value for one in found]), strict=True):
        table[i][j] = table[j][i] = p
    return table, max((one.smallest_gap for one in found), default=None)


def _per_class(found: Predicted) -> tuple[ClassScore, ...]:
    of = clusters(found.patients)
    return tuple(
        ClassScore(
            name=name,
            f1=mean_of_known([metrics["per_class"][k]["f1"] for metrics in found.metrics]),
            auroc=mean_of_known([metrics["per_class"][k]["auroc"] for metrics in found.metrics]),
            n=int((found.labels == k).sum()),
            patients=len(np.unique(of[found.labels == k])),
        )
        for k, name in enumerate(found.classes)
    )


def _by_fold(found: Predicted, seeds: Sequence[int], metric: str) -> tuple[FoldScore, ...]:
    return tuple(
        FoldScore(seed=seed, fold=fold["fold"], n=fold["n"], value=fold[metric])
        for seed, run in zip(seeds, found.metrics, strict=True)
        for fold in run.get("per_fold", ())
    )


def _fold_spread(found: Predicted, metric: str) -> float | None:
    """Return the root of the seeds' mean variance over folds; every seed cuts folds of its own."""
    own = [run.get("spread_over_folds", {}).get(metric, {}).get("sd") for run in found.metrics]
    variance = mean_of_known([None if sd is None else sd**2 for sd in own])
    return None if variance is None else variance**0.5


def _gain(found: Predicted, metric: str) -> tuple[Estimate | None, str]:
    """Return the mean over seeds of the gain over the best shortcut and of its interval's ends, and that shortcut.

    Each run has its own folds and so its own shortcuts; the mean of the ends is an interval that is too wide rather
    than too narrow, as the mean of several runs varies less than one.
    """
    own = [(metrics.get("gain") or {}).get(metric) for metrics in found.metrics]
    if not all(own):
        return None, ""
    ends = {key: mean_of_known([gain[key] for gain in own if gain]) for key in ("value", "low", "high")}
    over = statistics.mode(str(gain["over"]) for gain in own if gain)
    if any(end is None for end in ends.values()):
        return None, over
    return Estimate(**{key: end for key, end in ends.items() if end is not None}), over


def _cost(found: Predicted, key: str) -> Any:
    """Return the mean over the seeds of what `cost.json` says; `None` where one of them does not say it.

    Whole numbers that are the same for every seed stay whole.
    """
    told = [cost.get(key) for cost in found.costs]
    mean = mean_of_known(told)
    return told[0] if len(set(told)) == 1 else mean


def read_environment(run_folder: Path) -> dict[str, Any]:
    """Return on what a run was computed: its environment.json without what is that run's alone."""
    about: dict[str, Any] = json.loads((run_folder / "environment.json").read_text(encoding="utf-8"))
    return {key: value for key, value in about.items() if key not in ("arguments", "seed", "pixels", "resumed")}
