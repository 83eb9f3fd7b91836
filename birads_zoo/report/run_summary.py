"""A finished run in a few lines of HTML, for a notebook."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from birads_zoo.recipe import Recipe
from birads_zoo.report import templates

_SCORES = (
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("macro-F1", "macro_f1"),
    ("ROC-AUC", "macro_auroc"),
    ("quadratic kappa", "kappa_quadratic"),
)
_GAINS = (("macro-F1", "macro_f1"), ("ROC-AUC", "macro_auroc"))


def run_summary(recipe: Recipe, metrics: Mapping[str, Any], figures: Mapping[str, Path]) -> str:
    """Return scores with intervals, the gain over the best shortcut, what they are of, and the figures themselves.

    Every text is escaped; nothing is fetched.
    """
    scores = [(name, _value(metrics, key), metrics["intervals"]["scores"].get(key)) for name, key in _SCORES]
    gains = [(name, metrics["gain"][key]) for name, key in _GAINS if metrics["gain"][key]]
    pictures = {name: base64.b64encode(path.read_bytes()).decode("ascii") for name, path in figures.items()}
    return templates.render(
        "notebook.html", recipe=recipe, metrics=metrics, scores=scores, gains=gains, pictures=pictures
    )


def _value(metrics: Mapping[str, Any], key: str) -> float | None:
    name = key.removeprefix("macro_")
    value: float | None = metrics["macro"][name] if key.startswith("macro_") else metrics[key]
    return value
