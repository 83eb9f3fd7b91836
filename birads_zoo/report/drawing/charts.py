"""Draws the charts of a run: each function takes its data and a path, and writes one PNG there.

`context` is the line under the title. It names the run, the split and the rows shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import BODY, COOL, INK, PAPER, QUIET, SMALL
from birads_zoo.training.history import Epoch

_SHARES = LinearSegmentedColormap.from_list("shares", ["#f3f7fb", "#9fc1e3", "#2b6cb0", "#12365f"])
Score = Literal["train_loss", "val_loss", "val_macro_f1", "val_accuracy"]
"""The values of an epoch that are drawn."""

_NAME_WIDTH = 1.5  # inches for a class name beside an axis


def class_distribution(
    parts: Mapping[str, tuple[NDArray[np.int64], Sequence[str]]], classes: Sequence[str], path: Path, context: str
) -> None:
    """Draw how many images and patients each class has, in each part.

    Args:
        parts: by name ("all rows", "train", …), the part's labels (n,) in 0 … K−1 and its n patient ids, "" where
            unknown. A patient counts in every class that one of its images has.
        classes: the K class names, in order.
        path: the PNG file to write.
        context: the line under the title.

    """
    counts = {name: _images_and_patients(*part, len(classes)) for name, part in parts.items()}
    rows, columns = style.grid_shape(len(parts), 3)
    width = max(2 * style.MARGIN + _NAME_WIDTH + 2.6 * columns, 6.0)
    note = "bar: images · dark core: patients"
    figure = style.chart(
        width, rows * (0.34 * len(classes) + 0.75) + 0.2, "Images and patients per class", f"{context} · {note}"
    )
    largest = max([images for part in counts.values() for images, _ in part] + [1])
    colours = style.class_colours(len(classes))
    for place, (name, part) in enumerate(counts.items()):
        axes = figure.add_subplot(rows, columns, place + 1)
        style.tidy(axes)
        style.name_axes(axes, style.fitted(name, 2.4, BODY + 1))
        known = any(patients for _, patients in part)
        for k, (images, patients) in enumerate(part):
            axes.barh(k, images, height=0.62, color=style.tint(colours[k], 0.4))
            axes.barh(k, patients, height=0.26, color=colours[k])
            people = f" · {patients} patient{'' if patients == 1 else 's'}" if known else ""
            style.write(axes, images + 0.02 * largest, k, f"{images}{people}", QUIET, SMALL, va="center")
        names = [style.fitted(c, _NAME_WIDTH) for c in classes] if place % columns == 0 else [""] * len(classes)
        axes.set_yticks(range(len(classes)), names)
        axes.set(xticks=[], xlim=(0, largest * 1.75), ylim=(len(classes) - 0.4, -0.6))
        axes.axvline(0, color=QUIET, linewidth=0.8)
    style.save(figure, path)


def learning_curves(
    history: Sequence[Epoch], path: Path, context: str, chosen: Mapping[int, int] | None = None
) -> None:
    """Draw the losses and the validation scores of every fold by epoch, and their mean over the folds.

    Args:
        history: every fold's epochs; validation scores that are None or not finite are left out.
        path: the PNG file to write.
        context: the line under the title.
        chosen: the epoch whose weights were kept, by fold; marked on the validation lines.

    """
    # One of two lines is dashed, so that they can be told apart in grey.
    loss: dict[str, tuple[Score, str, object]] = {
        "training": ("train_loss", QUIET, style.DASHES[1]),
        "validation": ("val_loss", COOL, style.DASHES[0]),
    }
    scores: dict[str, tuple[Score, str, object]] = {
        "macro-F1": ("val_macro_f1", COOL, style.DASHES[0]),
        "accuracy": ("val_accuracy", style.WARM, style.DASHES[1]),
    }
    panels = [("Loss", loss)]
    if any(_curves(history, key) for key, *_ in scores.values()):
        panels.append(("Validation scores", scores))
    folds = len({epoch.fold for epoch in history})
    note = f"thin: each of {folds} folds, thick: their mean" if folds > 1 else "one fold"
    if chosen and _curves(history, "val_loss"):
        note += ", dot: the chosen epoch"
    figure = style.chart(5.2 * len(panels), 3.3, "Learning curves", f"{context} · {note}")
    for place, (title, lines) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        style.tidy(axes, "y")
        style.name_axes(axes, title, x="epoch")
        ends = []
        for name, (key, colour, dashes) in lines.items():
            curves = _curves(history, key)
            ends += _draw_curves(axes, curves, name, colour, dashes, chosen if key.startswith("val_") else None)
        if "validation" in lines and not _curves(history, "val_loss"):
            style.write(axes, 1, 1.03, "no validation rows", QUIET, ha="right", transform=axes.transAxes)
        if lines is scores:
            axes.set_ylim(-0.02, 1.02)
        _label_ends(axes, ends)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, 0.5), max(high, 1.5))  # room for a single epoch
    style.save(figure, path)


def confusion_matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str], path: Path, context: str) -> None:
    """Draw a K×K table of counts (rows: true class, columns: predicted), shaded by the share of each row."""
    counts = np.asarray(confusion)
    k = len(classes)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    cell = min(0.95, max(0.6, 5.6 / k))
    figure = style.chart(
        max(k * cell + _NAME_WIDTH + 0.9, 4.2),
        k * cell + 1.0,
        "Confusion matrix",
        f"{context} · percentages of each row",
    )
    axes = figure.add_subplot()
    style.tidy(axes)
    axes.imshow(shares, cmap=_SHARES, vmin=0, vmax=1, aspect="equal")
    for i in range(k):
        for j in range(k):
            colour = PAPER if shares[i, j] > 0.45 else INK if counts[i, j] else QUIET
            weight = "bold" if i == j else "normal"
            style.write(axes, j, i - 0.09, str(counts[i, j]), colour, BODY + 2, ha="center", va="center", weight=weight)
            share = f"{shares[i, j]:.0%}" if totals[i, 0] else "–"
            style.write(axes, j, i + 0.19, share, colour, SMALL - 1, ha="center", va="center")
    for edge in np.arange(0.5, k - 1):
        axes.axhline(edge, color=PAPER, linewidth=2)
        axes.axvline(edge, color=PAPER, linewidth=2)
    axes.set_xticks(range(k), [style.wrapped(name, cell * 0.95, SMALL) for name in classes], size=SMALL)
    rows = [f"{style.fitted(name, _NAME_WIDTH)}\nn = {n}" for name, n in zip(classes, totals[:, 0], strict=True)]
    axes.set_yticks(range(k), rows)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    style.name_axes(axes, x="predicted", y="true")
    style.save(figure, path)


def _images_and_patients(labels: NDArray[np.int64], patients: Sequence[str], k: int) -> list[tuple[int, int]]:
    ids = np.asarray(patients, dtype=object)
    return [(int((labels == c).sum()), len({p for p in ids[labels == c] if p})) for c in range(k)]


def _curves(history: Sequence[Epoch], score: Score) -> dict[int, dict[int, float]]:
    """Return a score's finite values by fold and epoch; a fold without any is left out."""
    curves: dict[int, dict[int, float]] = {}
    for epoch in history:
        value: float | None = getattr(epoch, score)
        if value is not None and np.isfinite(value):
            curves.setdefault(epoch.fold, {})[epoch.epoch] = value
    return curves


def _draw_curves(
    axes: Axes,
    curves: dict[int, dict[int, float]],
    name: str,
    colour: str,
    dashes: object,
    chosen: Mapping[int, int] | None,
) -> list[tuple[float, float, str, str]]:
    """Draw each fold and the mean; return x, y, text and colour of the label at the line's end."""
    if not curves:
        return []
    for fold, curve in curves.items():
        epochs = sorted(curve)
        thin = {"linewidth": 1, "alpha": 0.4} if len(curves) > 1 else {"linewidth": 2.2}
        marker = "o" if len(epochs) == 1 else ""
        axes.plot(
            epochs, [curve[e] for e in epochs], color=colour, linestyle=dashes, marker=marker, markersize=4, **thin
        )
        kept = (chosen or {}).get(fold)
        if kept in curve:
            axes.plot(
                kept, curve[kept], "o", color=colour, markersize=6, markeredgecolor=PAPER, markeredgewidth=1.2, zorder=4
            )
    # The mean ends with the shortest fold: after that it would jump, because it would be over fewer folds.
    shared = sorted(set.intersection(*(set(curve) for curve in curves.values())))
    means = [float(np.mean([curve[e] for curve in curves.values()])) for e in shared]
    if len(curves) > 1 and shared:
        marker = "o" if len(shared) == 1 else ""
        axes.plot(shared, means, color=colour, linestyle=dashes, linewidth=2.4, marker=marker, markersize=5)
    last = max(max(curve) for curve in curves.values())
    end = float(np.mean([curve[max(curve)] for curve in curves.values()]))
    return [(last, end, name, colour)]


def _label_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Label lines at their right ends; labels that would overlap are moved apart."""
    low, high = axes.get_ylim()
    gap = 0.07 * (high - low)
    at = -np.inf
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        at = max(y, at + gap)
        axes.annotate(
            name, (x, at), (7, 0), textcoords="offset points", color=colour, size=BODY, va="center", weight="bold"
        )
