"""Draws the figures of an audit: rare classes, label levels, patients with several classes, files, and copies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import PercentFormatter

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError
from birads_zoo.inspection.inspect import Copy, Duplicate, Inspection
from birads_zoo.inspection.population import HELD_OUT, chance_of_none
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import BODY, COOL, INK, PAPER, QUIET, SMALL, WARM

_NAMES = 1.6  # inches for a class's name beside an axis
_SHARES = LinearSegmentedColormap.from_list("shares", ["#f3f7fb", "#9fc1e3", "#2b6cb0", "#12365f"])
_PAIRS = 6  # copies shown
_PICTURE = 400  # pixels, enough for a picture's longer side


def draw_audit(folder: Path, inspection: Inspection, root: Path) -> None:
    """Write the figures of an inspection as PNG files into `folder`; `root` is the folder of the pictures.

    A figure without data is left out.
    """
    context = f"{inspection.target} · {inspection.rows} rows · {inspection.patients} patients"
    if any(entry.patients for entry in inspection.population):
        missed(inspection, folder / "missed.png", context)
    if inspection.granularity.exams.groups:
        sides(inspection, folder / "sides.png", context)
    if inspection.several.patients:
        several(inspection, folder / "several.png", context)
    if files := sum(entry.files for entry in inspection.formats):
        sizes(inspection, folder / "sizes.png", f"{inspection.target} · {files} files")
    if any(entry.years for entry in inspection.formats):
        years(inspection, folder / "years.png", context)
    if inspection.duplicates:
        copies(inspection.duplicates, root, folder / "copies.png")


def missed(inspection: Inspection, path: Path, context: str) -> None:
    """Draw, for each class, the chance that a random share of the patients has no patient with that class."""
    figure = style.chart(7.6, 3.6, "How often a random test set misses a class", f"{context} · hypergeometric")
    axes, key = figure.subplots(1, 2, width_ratios=(1, 0.5))
    style.tidy(axes, "both")
    key.axis("off")
    key.set(xlim=(0, 1), ylim=(max(len(inspection.classes), 6) - 0.4, -0.6))
    drawn = np.unique(np.rint(np.linspace(0.01, 0.5, 50) * inspection.patients).astype(int).clip(min=1))
    colours = style.class_colours(len(inspection.classes))
    for k, (entry, colour) in enumerate(zip(inspection.population, colours, strict=True)):
        if not entry.patients:
            continue
        chances = [chance_of_none(inspection.patients, entry.patients, int(n)) for n in drawn]
        dashes = style.DASHES[k % len(style.DASHES)]
        axes.plot(drawn / inspection.patients, chances, color=colour, linewidth=2, linestyle=dashes)
        key.plot([0, 0.13], [k, k], color=colour, linewidth=2.5, linestyle=dashes)
        style.write(key, 0.18, k - 0.02, style.fitted(entry.name, 1.7), weight="bold", va="bottom")
        style.write(key, 0.18, k + 0.04, f"{entry.patients} patients", QUIET, SMALL, va="top")
    axes.axvline(HELD_OUT, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
    axes.set(xlim=(0, 0.5), ylim=(-0.01, 1.01))
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    style.name_axes(axes, x="patients held out", y="chance that none of them has the class")
    style.save(figure, path)


def sides(inspection: Inspection, path: Path, context: str) -> None:
    """Draw how often both breasts have the same class, with 95 % intervals, and a tick at what chance would give."""
    classes = inspection.granularity.exams.classes
    figure = style.chart(
        8.0, 0.5 * len(classes) + 0.9, "Are labels a patient's or a breast's?", f"{context} · tick: by chance"
    )
    axes = figure.add_subplot()
    style.tidy(axes, "x")
    for place, entry in enumerate(classes):
        if entry.rate is None or entry.low is None or entry.high is None or entry.by_chance is None:
            style.write(axes, 0.01, place, "no exam of both breasts", QUIET, SMALL, va="center")
            continue
        axes.plot([entry.low, entry.high], [place, place], color=COOL, linewidth=2.2)
        axes.plot(entry.rate, place, "o", color=COOL, markersize=7)
        axes.plot(entry.by_chance, place, "|", color=WARM, markersize=14, markeredgewidth=2)
        style.write(axes, 1.04, place, f"{entry.same} of {entry.groups}", INK, BODY, va="center")
    axes.set(xlim=(-0.02, 1.18), ylim=(len(classes) - 0.4, -0.6), xticks=np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.set_yticks(range(len(classes)), [style.fitted(entry.name, _NAMES) for entry in classes])
    style.name_axes(axes, x="exams of both breasts with the class: share with it on both sides")
    style.save(figure, path)


def several(inspection: Inspection, path: Path, context: str) -> None:
    """Draw how many patients have each pair of classes; the diagonal has the patients with one class only."""
    table = np.array(inspection.several.together)
    k = len(table)
    cell = min(0.85, max(0.5, 5 / k))
    figure = style.chart(max(k * cell + _NAMES + 0.8, 5.4), k * cell + 0.9, "Patients with several classes", context)
    axes = figure.add_subplot()
    style.tidy(axes)
    shown = np.where(np.eye(k, dtype=bool), 0, table)
    axes.imshow(shown, cmap=_SHARES, vmin=0, vmax=max(shown.max(), 1), aspect="equal")
    for i in range(k):
        for j in range(k):
            colour = QUIET if i == j or not table[i, j] else PAPER if shown[i, j] > 0.45 * shown.max() else INK
            text = f"{table[i, j]}" + (" alone" if i == j else "")
            style.write(axes, j, i, text, colour, SMALL if i == j else BODY + 1, ha="center", va="center")
    axes.set_xticks(range(k), [style.wrapped(name, cell, SMALL) for name in inspection.classes], size=SMALL)
    axes.set_yticks(range(k), [style.fitted(name, _NAMES) for name in inspection.classes])
    axes.xaxis.tick_top()
    style.save(figure, path)


def sizes(inspection: Inspection, path: Path, context: str) -> None:
    """Draw the files' widths and heights, with one colour for each class; a thicker ring is more files."""
    figure = style.chart(7.6, 4.0, "Picture sizes by class", f"{context} · ring: files of one size")
    axes, key = figure.subplots(1, 2, width_ratios=(1, 0.5))
    style.tidy(axes, "both")
    key.axis("off")
    key.set(xlim=(0, 1), ylim=(max(len(inspection.classes), 6) - 0.4, -0.6))
    most = max(files for entry in inspection.formats for *_, files in entry.sizes)
    for k, (entry, colour) in enumerate(
        zip(inspection.formats, style.class_colours(len(inspection.classes)), strict=True)
    ):
        if not entry.files:
            continue
        width, height, files = np.array(entry.sizes, dtype=float).T
        # Each class has its own radius, so that classes of one size do not hide each other.
        axes.scatter(
            width,
            height,
            s=(5 + 5 * k) ** 2,
            facecolor="none",
            edgecolor=colour,
            linewidth=1 + 1.5 * files / most,
        )
        key.scatter(0.06, k, s=60, facecolor="none", edgecolor=colour, linewidth=2)
        style.write(key, 0.16, k - 0.02, style.fitted(entry.name, 1.7), weight="bold", va="bottom")
        text = f"{entry.files} files of {entry.different_sizes} size{'s' * (entry.different_sizes != 1)}"
        style.write(key, 0.16, k + 0.04, text, QUIET, SMALL, va="top")
    axes.set(xlim=(0, axes.get_xlim()[1] * 1.1), ylim=(0, axes.get_ylim()[1] * 1.1))
    style.name_axes(axes, x="width, pixels", y="height, pixels")
    style.save(figure, path)


def years(inspection: Inspection, path: Path, context: str) -> None:
    """Draw the share of each class's rows in each year."""
    dated = [entry for entry in inspection.formats if entry.years]
    span = sorted({year for entry in dated for year in entry.years})
    width = max(0.62 * len(span) + _NAMES + 0.9, 5.4)
    figure = style.chart(width, 0.42 * len(dated) + 0.8, "Years by class", f"{context} · percent of a class's rows")
    axes = figure.add_subplot()
    style.tidy(axes)
    shares = np.array([[entry.years.get(year, 0) / sum(entry.years.values()) for year in span] for entry in dated])
    axes.imshow(shares, cmap=_SHARES, vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            text = f"{100 * share:.0f}" if share else "–"
            colour = PAPER if share > 0.45 else INK if share else QUIET
            style.write(axes, j, i, text, colour, BODY, ha="center", va="center")
    axes.set_xticks(range(len(span)), [str(year) for year in span])
    axes.set_yticks(range(len(dated)), [style.fitted(entry.name, _NAMES) for entry in dated])
    style.save(figure, path)


def copies(duplicates: Sequence[Duplicate], root: Path, path: Path) -> None:
    """Draw the first six pairs of copies side by side."""
    shown = duplicates[:_PAIRS]
    columns = min(len(shown), 2)
    rows = -(-len(shown) // columns)
    context = f"{len(shown)} of {len(duplicates)} pairs"
    figure = style.chart(4.8 * columns + 0.4, 2.75 * rows, "Pictures that occur more than once", context)
    cells = figure.subplots(rows, 2 * columns, squeeze=False).ravel()
    for cell in cells:
        cell.axis("off")
    for place, pair in enumerate(shown):
        for axes, copy in zip(cells[2 * place : 2 * place + 2], (pair.first, pair.second), strict=True):
            _show(axes, copy, root)
        name = f"{pair.kind}, {pair.similarity:.2f}"
        cells[2 * place].set_title(style.plain(name), loc="left", size=BODY, color=WARM, weight="bold", pad=14)
    style.save(figure, path)


def _show(axes: Axes, copy: Copy, root: Path) -> None:
    try:
        picture = read_image(root / copy.path, at_least=(_PICTURE, _PICTURE))
    except ImageError:  # the file has changed since it was compared
        return
    step = max(1, max(picture.shape) // _PICTURE)
    axes.imshow(picture[::step, ::step], cmap="gray", aspect="equal")
    text = " · ".join(part for part in (f"row {copy.row}", copy.patient, copy.label) if part)
    style.write(
        axes, 0, 1.02, style.fitted(text, 2.2, SMALL - 1), INK, SMALL - 1, va="bottom", transform=axes.transAxes
    )
