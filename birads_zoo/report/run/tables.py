"""Builds the tables and rulers of a run's page: texts, ends of intervals, and bars in percent of a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from birads_zoo.evaluation.few import few_areas, is_few
from birads_zoo.evaluation.words import p_text
from birads_zoo.report.drawing.subgroups import attribute_verdict
from birads_zoo.report.run.source_text import within_text
from birads_zoo.report.run.terminal import NOT_MEASURED, outwards
from birads_zoo.results.best import Best
from birads_zoo.results.estimate import Ends, Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.shortcuts import Gain
from birads_zoo.results.subgroups import Group, Subgroups


def headline(metrics: RunMetrics) -> list[dict[str, Any]]:
    """Return the two main scores, each with its interval, gain, shortcuts and best possible."""
    best = metrics.best or Best(macro_f1=None, macro_auroc=None)
    ends, gain = metrics.intervals.scores, metrics.gain
    f1s = {name: scores.macro_f1 for name, scores in metrics.shortcuts.items()}
    areas = {name: scores.macro_auroc for name, scores in metrics.shortcuts.items()}
    panels = (
        _panel("macro-F1", metrics.macro.f1, ends.get("macro_f1"), gain.macro_f1, f1s, best.macro_f1),
        _panel("ROC-AUC", metrics.macro.auroc, ends.get("macro_auroc"), gain.macro_auroc, areas, best.macro_auroc),
    )
    panels = (panels[0], panels[1] and panels[1] | {"few": few_areas(metrics)})
    return [panel for panel in panels if panel]


def _panel(
    name: str,
    value: float | None,
    ends: Ends | None,
    gain: Gain | None,
    shortcuts: Mapping[str, float | None],
    possible: Estimate | None,
) -> dict[str, Any] | None:
    if value is None:
        return None
    marks = [
        {"name": shortcut.replace("_", " "), "value": score, "best": gain is not None and gain.over == shortcut}
        for shortcut, score in shortcuts.items()
        if score is not None
    ]
    text, tone = "", ""
    if gain:
        tone = "shown" if gain.low > 0 else "against"
        over = gain.over.replace("_", " ")
        text = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) over {over}"
    return {
        "name": name,
        "value": value,
        "low": ends and ends[0],
        "high": ends and ends[1],
        "ends": ends_of(ends),
        "few": "",
        "gain": text,
        "tone": tone,
        "shortcuts": marks,
        "possible": possible and {"value": possible.value, "ends": ends_of((possible.low, possible.high))},
        "best": next((mark for mark in marks if mark["best"]), None),
    }


def facts(metrics: RunMetrics) -> list[dict[str, str]]:
    """Return the figures that follow the headline, with their names and the ends of their intervals."""
    scores = metrics.intervals.scores
    rows = [("accuracy", metrics.accuracy, scores.get("accuracy"))]
    if metrics.kappa_quadratic is not None:
        rows.append(("weighted kappa", metrics.kappa_quadratic, scores.get("kappa_quadratic")))
    if positive := metrics.positive:
        sensitive = positive.sensitivity_at_specificity.get("0.9")
        for name, estimate in (
            (f"ROC-AUC of the positive{' (too few pairs)' * is_few(positive.basis)}", positive.auroc),
            ("sensitivity at 90 % specificity", sensitive),
        ):
            if estimate is not None:
                rows.append((name, estimate.value, (estimate.low, estimate.high)))
    return [{"name": name, "value": f"{value:.3f}", "ends": ends_of(ends)} for name, value, ends in rows]


def ends_of(ends: Ends | None) -> str:
    """Return an interval's ends as "[0.61, 0.78]", rounded outwards, and "" for `None`."""
    return "" if ends is None else "[{:.2f}, {:.2f}]".format(*outwards(*ends))


def cell(
    value: float | None,
    ends: Ends | None,
    mark: float | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
    *,
    few: bool = False,
) -> dict[str, Any]:
    """Return a table's cell for a score: its text, interval, sorting key, and bar.

    `scale` has the values at the two ends of the bar, and `mark` the value at which it has an upright line. `few` adds
    that there are too few pairs.
    """
    bar = None
    if value is not None and ends is not None:
        low, high, at, line = (
            100 * (place - scale[0]) / max(scale[1] - scale[0], 1e-9) for place in (*ends, value, mark or 0.0)
        )
        bar = {"kind": "" if mark is None else "mark", "low": low, "high": high, "value": at, "mark": line}
    return {
        "text": "–" if value is None else f"{value:.3f}{' (too few pairs)' * few}",
        "ends": ends_of(ends),
        "key": "" if value is None else f"{value:.6f}",
        "bar": bar,
    }


def confusion(metrics: RunMetrics) -> list[dict[str, Any]]:
    """Return a row per true class: its number of images, and the count and share of them predicted as each class."""
    rows = []
    for row in metrics.confusion:
        n = sum(row)
        rows.append({"n": n, "cells": [{"count": count, "share": count / n if n else 0.0} for count in row]})
    return rows


def per_class(metrics: RunMetrics) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a row per class, and the cells of the macro averages."""
    ends, areas = metrics.intervals.scores, metrics.intervals.areas
    rows = [
        {
            "name": scores.name,
            "support": scores.support,
            "cells": [
                cell(scores.precision, ends.get(f"precision:{scores.name}")),
                cell(scores.recall, ends.get(f"recall:{scores.name}")),
                cell(scores.f1, ends.get(f"f1:{scores.name}")),
                cell(scores.auroc, ends.get(f"auroc:{scores.name}"), few=is_few(areas.get(scores.name))),
            ],
        }
        for scores in metrics.per_class
    ]
    return rows, [
        cell(metrics.macro.precision, ends.get("macro_precision")),
        cell(metrics.macro.recall, ends.get("macro_recall")),
        cell(metrics.macro.f1, ends.get("macro_f1")),
        cell(metrics.macro.auroc, ends.get("macro_auroc"), few=bool(few_areas(metrics))),
    ]


def subgroups(results: Subgroups) -> list[dict[str, Any]]:
    """Return first all rows, then each attribute with its verdict and groups; [] if nothing is compared."""
    if not results.attributes:
        return []
    overall = results.compared(results.all)
    mark = overall.value if overall else None
    every = [results.all, *(group for attribute in results.attributes.values() for group in attribute.groups)]
    compared_scale = _scale([results.compared(group) for group in every])
    f1_scale = _scale([group.scores.macro_f1 for group in every if group.scores])

    def row(group: Group) -> dict[str, Any]:
        f1 = group.scores.macro_f1 if group.scores else None
        cells = [_scored(results.compared(group), mark, compared_scale), _scored(f1, None, f1_scale)]
        if group.scores is None:
            cells[0]["text"] = "too few for a score"
        elif is_few(group.basis):
            cells[0]["text"] += " (too few pairs)"
        counts = {"n": group.n, "patients": group.patients, "positives": group.positives}
        return {"value": group.value, "cells": cells} | counts

    parts = [{"name": "", "groups": [row(results.all)], "verdict": "", "differs": False}]
    for name, attribute in results.attributes.items():
        groups = [row(group) for group in attribute.groups]
        text = attribute_verdict(attribute)
        if attribute.within is not None:
            text += f"; within one source: {within_text(attribute.within)}"
        parts.append({"name": name, "groups": groups, "verdict": text, "differs": attribute.differs})
    return parts


def _scored(score: Estimate | None, mark: float | None, scale: Ends) -> dict[str, Any]:
    return cell(None, None) if score is None else cell(score.value, (score.low, score.high), mark, scale)


def _scale(scores: Sequence[Estimate | None]) -> Ends:
    known = [score for score in scores if score is not None]
    return min((score.low for score in known), default=0.0), max((score.high for score in known), default=1.0)


def shortcuts(metrics: RunMetrics) -> list[dict[str, Any]]:
    """Return a row for the network and one for each shortcut, the best first."""
    ends = metrics.intervals.scores
    network = {
        "name": "this network",
        "network": True,
        "macro_f1": metrics.macro.f1,
        "macro_auroc": metrics.macro.auroc,
        "bar": cell(metrics.macro.f1, ends.get("macro_f1"))["bar"],
        "works": False,
        "works_text": "",
    }
    rows = []
    for name, scores in metrics.shortcuts.items():
        text = "" if scores.measured else NOT_MEASURED
        if scores.p_value is not None:
            text = "yes" if scores.flagged else "not shown"
            text += f": {scores.over_chance:+.3f} macro-F1 over chance ({p_text(scores.p_value)})"
        value = scores.macro_f1
        rows.append(
            {
                "name": name.replace("_", " "),
                "network": False,
                "macro_f1": value,
                "macro_auroc": scores.macro_auroc,
                "bar": cell(value, None if value is None else (value, value))["bar"],
                "works": bool(scores.flagged),
                "works_text": text,
            }
        )
    return [network, *sorted(rows, key=lambda row: -(row["macro_f1"] or 0.0))]
