"""Formats a finished run as a few lines of HTML, for a notebook."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from birads_zoo.evaluation.words import leak_text
from birads_zoo.recipe import Recipe
from birads_zoo.report import templates
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.scores import Metric

_SCORES: dict[str, Metric] = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "macro-F1": "macro_f1",
    "ROC-AUC": "macro_auroc",
    "quadratic kappa": "kappa_quadratic",
}


def run_summary(recipe: Recipe, metrics: RunMetrics, figures: Mapping[str, Path]) -> str:
    """Return HTML with scores and intervals, the best possible scores, the gain over the best shortcut, and figures.

    Every text is escaped; nothing is fetched from a network.
    """
    ends = metrics.intervals.scores
    scores = [(name, metrics.score(metric), ends.get(metric)) for name, metric in _SCORES.items()]
    gains = [(name, gain) for name, metric in _SCORES.items() if (gain := metrics.gain.of(metric))]
    best = [(name, score) for name, metric in _SCORES.items() if metrics.best and (score := metrics.best.of(metric))]
    pictures = {name: base64.b64encode(path.read_bytes()).decode("ascii") for name, path in figures.items()}
    return templates.render(
        "notebook.html",
        recipe=recipe,
        metrics=metrics,
        leak=leak_text(metrics),
        scores=scores,
        best=best,
        gains=gains,
        pictures=pictures,
    )
