"""Draws the forest plot of a run's subgroups."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from birads_zoo.evaluation.words import p_text
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import COOL, INK, QUIET, SMALL, WARM
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.subgroups import Attribute, Group, Subgroups, Tested

_NAMES, _CHART, _COUNTS = 1.5, 4.0, 4.7  # inches
SCORES: dict[Tested, str] = {"auroc": "ROC-AUC of the positive classes", "macro_auroc": "macro ROC-AUC"}
"""Names of the scores that subgroups are compared by."""


_Line = tuple[str, str, Group | None, str]  # a name, an attribute's verdict or a group, and a colour


def subgroups(results: Subgroups, path: Path, context: str) -> None:
    """Draw the tested score of every group with its 95 % interval, and its numbers of images and patients.

    Beside an attribute's name is its verdict, corrected for the number of attributes. Groups that differ are vermilion.
    A group that is too small has only its counts.
    """
    lines: list[_Line] = [("all", "", results.all, COOL)]
    for name, attribute in results.attributes.items():
        colour = WARM if attribute.differs else COOL
        lines.append((name, attribute_verdict(attribute), None, colour))
        lines += [(group.value, "", group, colour) for group in attribute.groups]
    note = "p-values corrected over the attributes"
    if not results.attributes:
        note = "no attribute has two known values"
    figure = style.chart(
        _NAMES + _CHART + _COUNTS,
        0.26 * len(lines) + 0.9,
        f"Subgroups: {SCORES[results.tested]}",
        f"{context} · {note}",
    )
    axes, words = figure.subplots(1, 2, width_ratios=(_NAMES + _CHART, _COUNTS), sharey=True)
    style.tidy(axes, "x")
    words.axis("off")
    words.set(xlim=(0, 1))
    for place, (_, verdict, group, colour) in enumerate(lines):
        if group is None:
            style.write(words, 0, place, verdict, WARM if colour == WARM else QUIET, SMALL, va="center")
        else:
            _draw(axes, words, place, group, results.compared(group), colour)
    if overall := results.compared(results.all):
        axes.axvline(overall.value, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
    axes.set(ylim=(len(lines) - 0.4, -0.6))
    axes.set_yticks(range(len(lines)), [style.fitted(name, _NAMES) for name, _, _, _ in lines])
    for label, (_, verdict, _, _) in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_ha("left")
        label.set_x(-_NAMES / _CHART * 0.7)
        label.set_weight("bold" if verdict else "normal")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    style.save(figure, path)


def attribute_verdict(attribute: Attribute) -> str:
    """Return whether an attribute's groups were shown to differ, with the corrected p-value, as text."""
    p = attribute.corrected
    if p is None:
        return "too few groups with a score to compare"
    text = "groups differ" if attribute.differs else "no difference shown"
    return f"{text} ({p_text(p)}, corrected)"


def _draw(axes: Axes, words: Axes, place: int, group: Group, score: Estimate | None, colour: str) -> None:
    counts = [_counted(group.n, "image"), _counted(group.patients, "patient")]
    if group.positives is not None:
        counts.append(f"{group.positives} positive")
    if score is None:
        counts.append("a class is absent" if group.scores else "too few for a score")
    else:
        axes.plot([score.low, score.high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(score.value, place, "o", color=colour, markersize=5.5)
        ends = f"{score.value:.3f} ({score.low:.2f} to {score.high:.2f})"
        style.write(words, 0, place, ends, INK, SMALL, va="center")
    style.write(words, 0.36, place, " · ".join(counts), QUIET, SMALL, va="center")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
