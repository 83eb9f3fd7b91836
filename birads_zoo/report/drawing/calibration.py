"""Draws reliability diagrams, and the coverage and sizes of conformal sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import COOL, INK, PAPER, QUIET, SMALL, WARM
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.probabilities import Bin, Calibration, Conformal, FoldFit, Recalibration

_NAMES = 1.7  # inches for a class name beside an axis
_MARKERS = {WARM: "o", COOL: "s"}  # before and after; different shapes, for prints in grey


def reliability(calibration: Recalibration, path: Path, context: str) -> None:
    """Draw how often predictions of each probability come true: of the predicted class, and of each class.

    With recalibration, each diagram has both series: before and after.

    Args:
        calibration: what `recalibration.read_calibration` returns. With two classes only the second is drawn.
        path: the PNG file to write.
        context: the line under the title.

    """
    drawn = [("the network's own", WARM, calibration.before)]
    if calibration.after is not None:
        drawn.append(("recalibrated", COOL, calibration.after))
    classes = [scores.name for scores in calibration.before.per_class]
    shown = [1] if len(classes) == 2 else range(len(classes))
    panels = [
        ("the predicted class", [step.top_label for _, _, step in drawn]),
        *((classes[k], [step.per_class[k].bins for _, _, step in drawn]) for k in shown),
    ]
    rows, columns = style.grid_shape(len(panels) + 1, 3)
    note = "bar: 95 % over patients, area: images in the bin"
    figure = style.chart(2.9 * columns + 0.3, 2.9 * rows, "Reliability", f"{context} · {note}")
    for place, (title, series) in enumerate(panels):
        axes = figure.add_subplot(rows, columns, place + 1)
        style.tidy(axes, "both")
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
        for (_, colour, _), bins in zip(drawn, series, strict=True):
            _draw_bins(axes, bins, colour, _MARKERS[colour])
        ticks = np.linspace(0, 1, 6)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xticks=ticks, yticks=ticks)
        style.name_axes(axes, style.fitted(title, 2.2), x="stated probability", y="share that came true")
    key = figure.add_subplot(rows, columns, len(panels) + 1)
    _write_key(key, drawn, calibration)
    style.save(figure, path)


def _draw_bins(axes: Axes, bins: Sequence[Bin], colour: str, marker: str) -> None:
    most = max(point.n for point in bins)
    for point in bins:
        at, observed = point.predicted, point.observed
        axes.plot([at, at], [observed.low, observed.high], color=colour, alpha=0.45, linewidth=1.4)
    x, y = [point.predicted for point in bins], [point.observed.value for point in bins]
    axes.plot(x, y, color=colour, alpha=0.35, linewidth=1)
    axes.scatter(
        x,
        y,
        [34 * point.n / most + 4 for point in bins],
        marker=marker,
        color=colour,
        edgecolor=PAPER,
        linewidth=0.8,
        zorder=3,
    )


def _write_key(axes: Axes, drawn: Sequence[tuple[str, str, Calibration]], calibration: Recalibration) -> None:
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(10, 0))
    line = 0.2
    for name, colour, step in drawn:
        axes.plot(0.03, line, _MARKERS[colour], color=colour, markersize=6, clip_on=False)
        style.write(axes, 0.09, line, name, colour, weight="bold", va="center")
        for text in (
            f"ECE {step.ece:.3f} in {step.bins} equal-count bins, by chance {step.ece_if_calibrated:.3f}",
            f"class-wise {step.classwise_ece:.3f}, by chance {step.classwise_ece_if_calibrated:.3f}",
            f"Brier skill {_estimate_text(step.brier_skill)}",
        ):
            line += 0.75
            style.write(axes, 0.04, line, text, QUIET, SMALL, va="center")
        line += 1.2
    fitted = [fold.temperature for fold in calibration.folds if fold.temperature is not None]
    left = len(calibration.folds) - len(fitted)
    about = []
    if fitted:
        about.append(f"temperatures {min(fitted):.2f} to {max(fitted):.2f}")
    if left:
        about.append(f"{left} of {left + len(fitted)} folds not recalibrated: {_reason(calibration.folds)}")
    for place, text in enumerate(style.wrapped(" · ".join(about), 2.2, SMALL, lines=5).split("\n")):
        style.write(axes, 0, line + 0.75 * place, text, QUIET, SMALL, va="center")


def _reason(folds: Sequence[FoldFit]) -> str:
    """Return why the first fold without a temperature has none."""
    return next(fold.reason for fold in folds if fold.temperature is None)


def conformal_sets(conformal: Conformal, path: Path, context: str) -> None:
    """Draw how often the conformal sets hold the true class, for each class, and how many classes they hold.

    Args:
        conformal: what `conformal.read_conformal` returns.
        path: the PNG file to write.
        context: the line under the title.

    """
    level, sizes = conformal.level, dict(enumerate(conformal.sizes[1:], start=1))  # no set is empty
    lines: list[tuple[str, int, int, Estimate | None]] = [
        ("all", conformal.n, conformal.patients, conformal.coverage),
        *((row.name, row.n, row.patients, row.coverage) for row in conformal.per_class),
    ]
    everything = [fold for fold in conformal.folds if fold.threshold is None]
    note = f"{len(everything)} of {len(conformal.folds)} folds have too few validation patients: sets of all classes"
    title = f"Sets that should hold the true class in {level:.0%}".replace("%", " %")
    figure = style.chart(
        _NAMES + 7.2, 0.42 * max(len(lines), len(sizes)) + 1.0, title, f"{context} · {note}" if everything else context
    )
    axes, bars = figure.subplots(1, 2, width_ratios=(_NAMES + 3.4, 3.4))
    style.tidy(axes, "x")
    axes.axvline(level, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
    lowest = min([level, *(estimate.low for *_, estimate in lines if estimate is not None)])
    for place, (name, n, patients, estimate) in enumerate(lines):
        text = f"{n} images, {patients} patients"
        if estimate is not None:
            # Vermilion if the whole interval is below the level: these sets hold the true class too seldom.
            colour = WARM if estimate.high < level else INK if name == "all" else COOL
            axes.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=2, alpha=0.5)
            axes.plot(estimate.value, place, "o", color=colour, markersize=7 if name == "all" else 6, clip_on=False)
            text = f"{estimate.value:.3f} · {text}"
        style.write(axes, 1.05, place, text, QUIET, SMALL, va="center", transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(lines)), [style.fitted(name, _NAMES) for name, *_ in lines])
    axes.set(xlim=(max(0.0, lowest - 0.05), 1.0), ylim=(len(lines) - 0.4, -0.6))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0, " %"))
    style.name_axes(axes, "Coverage", x="sets that hold the true class · 95 % interval over patients")
    style.tidy(bars)
    most = max(sizes.values())
    for size, count in sizes.items():
        bars.barh(size, count, height=0.62, color=COOL)
        text = f"{count} ({100 * count / conformal.n:.0f} %)" if count else "–"
        style.write(bars, count + 0.03 * most, size, text, QUIET, SMALL, va="center")
    bars.set_yticks(list(sizes), [f"{size} class{'es' * (size > 1)}" for size in sizes])
    bars.set(xticks=[], xlim=(0, most * 1.3), ylim=(len(sizes) + 0.6, 0.4))
    style.name_axes(bars, "Set size", x=f"mean {_estimate_text(conformal.mean_size, 2)}")
    style.save(figure, path)


def _estimate_text(estimate: Estimate | None, digits: int = 3) -> str:
    if estimate is None:
        return "–"
    return f"{estimate.value:.{digits}f} ({estimate.low:.2f} to {estimate.high:.2f})"
