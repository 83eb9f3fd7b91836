"""Writes differences with intervals and verdicts as a figure and as tables: effects of ablations and of splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from birads_zoo.evaluation.words import p_text
from birads_zoo.files import csv_files
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import BODY, COOL, INK, QUIET, SMALL, WARM
from birads_zoo.results.estimate import Estimate

HEAD = ("name", "difference", "low", "high", "p_adjusted", "verdict")
_LEVEL = 0.05
_NAMES, _VERDICTS = 2.1, 2.6  # inches


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference with its 95 % interval and corrected p-value; both are `None` if nothing could be tested."""

    name: str
    estimate: Estimate | None
    p: float | None
    verdict: str


def draw(lines: Sequence[Difference], path: Path, title: str, context: str, axis: str) -> None:
    """Draw each difference as a point with its 95 % interval, and its verdict beside it.

    If the corrected p-value is below 0.05, it is blue above zero and vermilion below zero. `axis` is the name of the
    x axis and says what a positive value means.
    """
    figure = style.chart(_NAMES + 4.2 + _VERDICTS, 0.42 * len(lines) + 0.8, title, context)
    axes, words = figure.subplots(1, 2, width_ratios=(_NAMES + 4.2, _VERDICTS), sharey=True)
    style.tidy(axes, "x")
    axes.axvline(0, color=QUIET, linewidth=1)
    ends = [0.0]
    for place, line in enumerate(lines):
        if line.estimate is None:
            style.write(axes, 0, place, "–", QUIET, ha="center", va="center")
        else:
            shown = line.p is not None and line.p < _LEVEL
            colour = (COOL if line.estimate.value > 0 else WARM) if shown else QUIET
            axes.plot([line.estimate.low, line.estimate.high], [place, place], color=colour, linewidth=2)
            axes.plot(line.estimate.value, place, "o", color=colour, markersize=6)
            ends += [line.estimate.low, line.estimate.high]
        style.write(words, 0, place - 0.02, style.fitted(line.verdict, _VERDICTS), INK, va="bottom")
        style.write(words, 0, place + 0.02, style.fitted(numbers(line), _VERDICTS, SMALL), QUIET, SMALL, va="top")
    reach = 1.08 * float(np.max(np.abs(ends))) or 0.1
    axes.set(xlim=(-reach, reach), ylim=(len(lines) - 0.4, -0.6))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(lines)), [style.fitted(line.name, _NAMES) for line in lines], size=BODY)
    words.axis("off")
    words.set_xlim(0, 1)
    style.name_axes(axes, x=axis)
    style.save(figure, path)


def numbers(line: Difference) -> str:
    """Return a line's numbers as "+0.031 [−0.010, +0.072], p = 0.14"; "" if nothing could be tested."""
    if line.estimate is None:
        return ""
    text = f"{line.estimate.value:+.3f} [{line.estimate.low:+.3f}, {line.estimate.high:+.3f}]".replace("-", "−")
    if line.p is None:
        return text
    return f"{text}, {p_text(line.p, '.2g')}"


def markdown(lines: Sequence[Difference], head: str) -> str:
    """Return the lines as a Markdown table; `head` is the name of the first column."""
    rows = [f"| {line.name} | {numbers(line) or '–'} | {line.verdict} |" for line in lines]
    return "\n".join([f"| {head} | difference [95 % interval], corrected p | verdict |", "| --- | --- | --- |", *rows])


def write_csv(lines: Sequence[Difference], path: Path) -> None:
    """Write the lines as a CSV file with the columns `HEAD`; an unknown number is an empty cell."""
    rows: list[Sequence[object]] = [HEAD]
    for line in lines:
        estimate = line.estimate
        cells = (estimate.value, estimate.low, estimate.high) if estimate else (None,) * 3
        rows.append((line.name, *cells, line.p, line.verdict))
    csv_files.write_csv(path, rows)
