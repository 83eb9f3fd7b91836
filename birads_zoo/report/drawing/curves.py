"""Draws ROC and precision-recall curves with bands: of the positive classes together, and of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_zoo.evaluation.curves import Curve
from birads_zoo.evaluation.positive import LEVELS
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import FAINT, INK, QUIET, SMALL
from birads_zoo.results.pairs import Pairs

_BAND = "band: 95 % at each point, over patients"
_KEY = 2.45  # inches


@dataclass(frozen=True, kw_only=True)
class Against:
    """Both curves of `positives` rows against the rest of `n` rows; `None` if all or no rows are positive.

    `basis` counts the pairs of rows from which the area under the ROC curve is computed.
    """

    name: str
    positives: int
    n: int
    roc: Curve | None
    pr: Curve | None
    basis: Pairs


def roc_curves(together: Against | None, classes: Sequence[Against], path: Path, context: str) -> None:
    """Draw the ROC curves of the positive classes `together`, unless `None`, and of each of the K `classes`.

    A curve and its area pool the rows of all folds: the area is `pooled_auroc` of `evaluation.metrics.evaluate`.
    Two classes share one area, so with `together` their single curves are left out. A class without positives or
    negatives is listed as having no curve. `context` is the line under the title.
    """
    figure, panels = _panels("ROC curves", together, classes, f"{context} · {_BAND}")
    for axes, key, lines in panels:
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
        style.write(axes, 0.68, 0.62, "chance", QUIET, SMALL, ha="left", va="center")
        for place, (line, colour, dashes) in enumerate(lines):
            few = " · too few pairs" * line.basis.few
            text = "" if line.roc is None else f"pooled AUC {line.roc.area:.3f} · {_of(line)}{few}"
            _draw(axes, key, place, line, line.roc, text, colour, dashes)
        if together is not None and lines[0][0] is together and together.roc is not None:
            _mark_levels(axes, key, together.roc)
        style.name_axes(axes, x="false positive rate (1 − specificity)", y="true positive rate (sensitivity)")
    style.save(figure, path)


def pr_curves(together: Against | None, classes: Sequence[Against], path: Path, context: str) -> None:
    """Draw the precision-recall curves of the same classes; the precision of chance is the share of positives."""
    figure, panels = _panels("Precision-recall curves", together, classes, f"{context} · {_BAND}")
    for axes, key, lines in panels:
        for place, (line, colour, dashes) in enumerate(lines):
            chance = line.positives / line.n
            text = "" if line.pr is None else f"AP {line.pr.area:.3f}, by chance {chance:.3f} · {_of(line)}"
            _draw(axes, key, place, line, line.pr, text, colour, dashes)
            if line is together and line.pr is not None:
                axes.axhline(chance, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
                style.write(axes, 0.02, chance + 0.015, "chance", QUIET, SMALL, va="bottom")
        style.name_axes(axes, x="recall (sensitivity)", y="precision (positive predictive value)")
    style.save(figure, path)


_Line = tuple[Against, str, object]


def _panels(
    title: str, together: Against | None, classes: Sequence[Against], context: str
) -> tuple[Figure, list[tuple[Axes, Axes, list[_Line]]]]:
    """Return a figure and, for each panel, the axes of its curves, the axes of its key, and its lines."""
    each: list[_Line] = [
        (line, colour, style.DASHES[k % len(style.DASHES)])
        for k, (line, colour) in enumerate(zip(classes, style.class_colours(len(classes)), strict=True))
    ]
    parts: list[tuple[str, list[_Line]]] = []
    if together is not None:
        parts.append(("positive against the rest", [(together, INK, style.DASHES[0])]))
    if together is None or len(classes) > 2:
        parts.append(("each class against the rest", each))
    height = max(4.3, 0.42 * max(len(lines) for _, lines in parts) + 0.9)
    figure = style.chart((3.9 + _KEY) * len(parts), height, title, context)
    axes = figure.subplots(1, 2 * len(parts), width_ratios=(3.9, _KEY) * len(parts), squeeze=False)[0]
    panels = []
    for place, (name, lines) in enumerate(parts):
        chart, key = axes[2 * place], axes[2 * place + 1]
        style.tidy(chart, "both")
        ticks = np.linspace(0, 1, 6)
        chart.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=ticks, yticks=ticks)
        style.write(chart, 0, 1.04, name, QUIET, va="bottom")
        key.axis("off")
        key.set(xlim=(0, 1), ylim=(max(len(lines), 8) - 0.4, -0.6))
        panels.append((chart, key, lines))
    return figure, panels


def _draw(
    axes: Axes, key: Axes, place: int, line: Against, curve: Curve | None, text: str, colour: str, dashes: object
) -> None:
    look: dict[str, object] = {"color": FAINT}
    if curve is None:
        text = "no curve: " + ("every row is of this class" if line.positives else "no row of this class")
    else:
        look = {"color": colour, "linestyle": dashes}
        axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(curve.x, curve.y, linewidth=2, clip_on=False, **look)
    key.plot([0, 0.12], [place, place], linewidth=2.5, **look)
    style.write(key, 0.16, place - 0.02, style.fitted(line.name, _KEY * 0.84), weight="bold", va="bottom")
    for number, part in enumerate(text.split(" · ")):
        style.write(key, 0.16, place + 0.02 + 0.3 * number, part, QUIET, SMALL, va="top")


def _mark_levels(axes: Axes, key: Axes, curve: Curve) -> None:
    """Mark the sensitivity at the specificities of `LEVELS`, as metrics.json has them."""
    for place, level in enumerate(LEVELS):
        height = float(curve.y[np.flatnonzero(curve.x <= 1 - level + 1e-9)[-1]])
        axes.plot(1 - level, height, "o", color=INK, markersize=6)
        text = f"sensitivity {height:.3f} at {level:.0%} specificity".replace("%", " %")
        key.plot(0.06, 1.6 + 0.5 * place, "o", color=INK, markersize=6)
        style.write(key, 0.16, 1.6 + 0.5 * place, text, QUIET, SMALL, va="center")


def _of(line: Against) -> str:
    return f"{line.positives} of {line.n} rows"
