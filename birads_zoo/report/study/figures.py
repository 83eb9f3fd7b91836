"""Draws the figures of a comparison: scores with intervals, score against cost, F1 by class, and which pairs differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from birads_zoo.evaluation.statistics.comparison import SEED_NOISE
from birads_zoo.evaluation.statistics.intervals import FEW
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import BODY, COOL, FAINT, INK, PAPER, QUIET, SMALL, WARM
from birads_zoo.report.study.leaderboard import Entry, Leaderboard
from birads_zoo.report.study.table import METRICS

_NAMES = 2.2  # inches for a model's name beside an axis
_SHADES = LinearSegmentedColormap.from_list("scores", ["#f3f7fb", "#9fc1e3", "#2b6cb0", "#12365f"])
_LEVEL = 0.05


def draw_study(folder: Path, board: Leaderboard) -> None:
    """Write the figures as PNG files into `folder`; figures without data are left out."""
    ran = [entry for entry in board.entries if entry.score is not None]
    if not ran:
        return
    scores(ran, board, folder / "scores.png")
    per_class(ran, board, folder / "per-class.png")
    if any(entry.flops for entry in ran):
        cost(ran, board, folder / "cost.png")
    if any(p is not None for row in board.pairwise for p in row):
        pairs(ran, board, folder / "pairs.png")


def scores(entries: Sequence[Entry], board: Leaderboard, path: Path) -> None:
    """Draw each model's score with its 95 % interval, the scores of its single folds, and the best shortcut.

    The best shortcut is an upright line. A model's rank, if it has one, is before its name.
    """
    metric = METRICS.get(board.metric, board.metric)
    folds = " · small dots: single folds" if any(entry.by_fold for entry in entries) else ""
    ranks = [rank for entry, rank in zip(board.entries, board.ranks, strict=True) if entry.score is not None]
    tested = any(rank is not None for rank in ranks)
    note = "equal ranks: no difference shown" if tested else SEED_NOISE
    title, context = f"{metric} with 95 % intervals", f"{board.basis}{folds} · {note}"
    figure = style.chart(_NAMES + 5.8, 0.4 * len(entries) + 1.0, title, context)
    axes = figure.add_subplot()
    style.tidy(axes, "x")
    style.name_axes(axes, x=metric)
    for place, entry in enumerate(entries):
        if entry.score is None:
            continue
        single = [fold.value for fold in entry.by_fold if fold.value is not None]
        axes.plot(single, [place] * len(single), "o", color=style.tint(QUIET, 0.45), markersize=3, zorder=1)
        axes.plot([entry.score.low, entry.score.high], [place, place], color=COOL, linewidth=2.2, zorder=2)
        axes.plot(entry.score.value, place, "o", color=COOL, markersize=6.5, zorder=3)
        style.write(
            axes, entry.score.value, place - 0.2, f"{entry.score.value:.3f}", INK, SMALL, ha="center", va="bottom"
        )
    if board.shortcuts:
        best = max(board.shortcuts, key=lambda name: board.shortcuts[name])
        axes.axvline(board.shortcuts[best], color=WARM, linewidth=1.2, linestyle=(0, (4, 2)))
        text = "  " + style.plain(f"best shortcut: {best.replace('_', ' ')}")
        style.write(axes, board.shortcuts[best], len(entries) - 0.3, text, WARM, SMALL, va="bottom")
    axes.set(ylim=(len(entries) - 0.2, -0.7))
    names = [
        ("" if rank is None else f"{rank}  ") + style.fitted(entry.name, _NAMES)
        for entry, rank in zip(entries, ranks, strict=True)
    ]
    axes.set_yticks(range(len(entries)), names)
    style.save(figure, path)


def cost(entries: Sequence[Entry], board: Leaderboard, path: Path) -> None:
    """Draw score against the FLOPs of one image; the area of a dot shows the number of parameters."""
    metric = METRICS.get(board.metric, board.metric)
    figure = style.chart(7.4, 4.2, f"{metric} against cost", f"{board.basis} · dot: parameters")
    axes = figure.add_subplot()
    style.tidy(axes, "both")
    style.name_axes(axes, x="10⁹ FLOPs per image, logarithmic", y=metric)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    largest = max(entry.parameters or 1 for entry in entries)
    for entry in entries:
        if entry.score is None or not entry.flops:
            continue
        x, size = entry.flops / 1e9, 40 + 460 * (entry.parameters or 0) / largest
        axes.plot([x, x], [entry.score.low, entry.score.high], color=FAINT, linewidth=1.4, zorder=1)
        axes.scatter(x, entry.score.value, s=size, color=style.tint(COOL, 0.55), edgecolor=COOL, linewidth=1, zorder=2)
        beside = axes.transData + ScaledTranslation((size**0.5 / 2 + 4) / 72, 0, figure.dpi_scale_trans)
        name = style.fitted(entry.name, 1.8, SMALL)
        style.write(axes, x, entry.score.value, name, INK, SMALL, va="center", transform=beside)
    known = [entry.flops / 1e9 for entry in entries if entry.flops]
    axes.set_xlim(min(known) / 2, max(known) * 6)  # space for names on the right
    style.save(figure, path)


def per_class(entries: Sequence[Entry], board: Leaderboard, path: Path) -> None:
    """Draw the F1 of every model and class, shaded from 0 to 1."""
    values = np.array([[np.nan if scores.f1 is None else scores.f1 for scores in entry.per_class] for entry in entries])
    classes = entries[0].per_class
    names = [
        f"{style.fitted(scores.name, 1.1)}{' †' * (scores.patients < FEW)}\nn = {scores.n}\n{scores.patients} patients"
        for scores in classes
    ]
    few = f" · † fewer than {FEW} patients" if any(scores.patients < FEW for scores in classes) else ""
    figure = style.chart(
        _NAMES + 1.15 * len(names) + 0.6, 0.42 * len(entries) + 1.2, "F1 by class", f"{board.basis}{few}"
    )
    axes = figure.add_subplot()
    style.tidy(axes)
    axes.imshow(values, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.2f}"
        style.write(axes, j, i, text, PAPER if value > 0.45 else INK, BODY, ha="center", va="center")
    axes.set_xticks(range(len(names)), names)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(entries)), [style.fitted(entry.name, _NAMES) for entry in entries])
    style.save(figure, path)


def pairs(entries: Sequence[Entry], board: Leaderboard, path: Path) -> None:
    """Draw which pairs of models differ: corrected p-values, dark if below 0.05."""
    count = len(entries)
    cell = min(0.9, max(0.5, 6.0 / count))
    note = "corrected p-values · dark: a difference is shown"
    figure = style.chart(
        _NAMES + cell * count + 0.6, cell * count + 1.5, "Which models differ", f"{board.basis} · {note}"
    )
    axes = figure.add_subplot()
    style.tidy(axes)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    for i in range(count):
        for j in range(count):
            _cell(axes, i, j, board.pairwise[i][j])
    names = [style.fitted(entry.name, _NAMES) for entry in entries]
    axes.set_yticks(range(count), names)
    axes.set_xticks(range(count), [style.fitted(entry.name, 1.2, SMALL) for entry in entries], rotation=40, ha="right")
    axes.tick_params(axis="x", labelsize=SMALL)
    style.save(figure, path)


def _cell(axes: Axes, i: int, j: int, p: float | None) -> None:
    shown = p is not None and p < _LEVEL
    colour = COOL if shown else FAINT if p is not None else PAPER
    axes.add_patch(_square(j, i, colour))
    if p is not None:
        text = "<.001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)
        style.write(axes, j, i, text, PAPER if shown else QUIET, SMALL, ha="center", va="center")


def _square(x: int, y: int, colour: str) -> Rectangle:
    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=colour, linewidth=0)
