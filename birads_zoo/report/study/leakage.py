"""Writes the results of a leakage study: each split's score, and its difference from the split by patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from birads_zoo.evaluation.words import leak_text
from birads_zoo.files import csv_files
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import BODY, COOL, INK, PAPER, QUIET, SMALL, WARM
from birads_zoo.report.study.differences import Difference, numbers
from birads_zoo.report.study.leaderboard import SchemeScore

HEAD = (
    *("split", "leaky", "leak_proven", "score", "score_low", "score_high", "patient_lookup"),
    *("difference", "difference_low", "difference_high", "p_adjusted", "verdict"),
)
_NAMES, _SCORES, _GAPS, _WORDS = 1.1, 3.6, 3.0, 2.6  # inches


def draw(rows: Sequence[SchemeScore], path: Path, title: str, context: str, metric: str) -> None:
    """Draw one line per split: its score on the left, the difference from the split by patient, and the verdict.

    A score is vermilion if the split leaks or may leak, else blue. A hollow diamond is the score of a table of patient
    ids on the same folds. A difference is coloured if its corrected p-value is below 0.05.
    """
    width = _NAMES + _SCORES + _GAPS + _WORDS
    figure = style.chart(width, 0.52 * len(rows) + 1.1, title, context)
    scores, gaps, words = figure.subplots(1, 3, width_ratios=(_NAMES + _SCORES, _GAPS, _WORDS), sharey=True)
    for place, row in enumerate(rows):
        _draw_score(scores, place, row)
        _draw_gap(gaps, place, row)
        _write_words(words, place, row)
    for axes in (scores, gaps):
        style.tidy(axes, "x")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.08)
    gaps.axvline(0, color=QUIET, linewidth=1, zorder=0)
    gaps.tick_params(labelleft=False)
    scores.set_ylim(len(rows) - 0.4, -0.6)
    scores.set_yticks(range(len(rows)), [f"by {row.scheme}\n{_kind(row)}" for row in rows], size=BODY)
    words.axis("off")
    words.set_xlim(0, 1)
    style.name_axes(scores, x=f"{metric} · ◇ a table of patient ids")
    style.name_axes(gaps, x="score less that by patient, same rows")
    style.save(figure, path)


def _kind(row: SchemeScore) -> str:
    return f"{leak_text(row)} patients" if row.leaky else "new patients"


def _draw_score(axes: Axes, place: int, row: SchemeScore) -> None:
    if row.patient_lookup is not None:
        face = {"markerfacecolor": PAPER, "markeredgecolor": QUIET}
        axes.plot(row.patient_lookup, place, "D", markersize=5, zorder=1, **face)
    if row.score is None:
        return
    colour = WARM if row.leaky else COOL
    axes.plot([row.score.low, row.score.high], [place, place], color=colour, linewidth=2.2)
    axes.plot(row.score.value, place, "o", color=colour, markersize=6.5)
    style.write(axes, row.score.value, place - 0.14, f"{row.score.value:.3f}", INK, SMALL, ha="center", va="bottom")


def _draw_gap(axes: Axes, place: int, row: SchemeScore) -> None:
    if row.inflation is None:
        style.write(
            axes,
            0,
            place,
            "  failed" if row.error else "  the others are compared with this",
            QUIET,
            SMALL,
            va="center",
        )
        return
    shown = row.p is not None and row.p < 0.05
    colour = QUIET if not shown else WARM if row.inflation.value > 0 else COOL
    axes.plot([row.inflation.low, row.inflation.high], [place, place], color=colour, linewidth=2.2)
    axes.plot(row.inflation.value, place, "o", color=colour, markersize=6.5)


def _write_words(axes: Axes, place: int, row: SchemeScore) -> None:
    if row.error or row.inflation is not None:
        style.write(axes, 0, place - 0.02, style.fitted(verdict(row), _WORDS), INK, va="bottom")
        style.write(
            axes, 0, place + 0.02, style.fitted(numbers(as_difference(row)), _WORDS, SMALL), QUIET, SMALL, va="top"
        )


def verdict(row: SchemeScore) -> str:
    """Return the verdict on a split, or why it failed."""
    return f"failed: {row.error}" if row.error else row.verdict


def as_difference(row: SchemeScore) -> Difference:
    """Return a split's difference from the split by patient."""
    return Difference(name=f"{row.scheme} less patient", estimate=row.inflation, p=row.p, verdict=verdict(row))


def markdown(rows: Sequence[SchemeScore], metric: str) -> str:
    """Return a Markdown table with one line per split: score, patient lookup, difference and verdict."""
    lines = [
        f"| split | {metric} [95 % interval] | patient lookup | less that by patient, corrected p | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        estimate, lookup = row.score, row.patient_lookup
        scored = "–" if estimate is None else f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        known = "–" if lookup is None else f"{lookup:.3f}"
        name = f"{row.scheme}{f' ({leak_text(row)})' * row.leaky}"
        lines.append(f"| {name} | {scored} | {known} | {numbers(as_difference(row)) or '–'} | {verdict(row) or '–'} |")
    return "\n".join(lines)


def write_csv(rows: Sequence[SchemeScore], path: Path) -> None:
    """Write one line per split, with the columns `HEAD`; an unknown number is an empty cell."""
    lines: list[Sequence[object]] = [HEAD]
    for row in rows:
        score, gap = (
            (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
            for estimate in (row.score, row.inflation)
        )
        leaks = (row.leaky, row.leaky and row.leak_proven)
        lines.append((row.scheme, *leaks, *score, row.patient_lookup, *gap, row.p, verdict(row)))
    csv_files.write_csv(path, lines)
