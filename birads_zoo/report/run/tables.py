"""What the tables and rulers of a run's page show: texts, ends of intervals, and bars in percent of a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from birads_zoo.evaluation.few import few_areas, is_few
from birads_zoo.evaluation.words import p_text
from birads_zoo.report.drawing.subgroups import attribute_verdict
from birads_zoo.report.run.source_text import within_text
from birads_zoo.report.run.text import NOT_MEASURED, outwards
from birads_zoo.results.best import Best
from birads_zoo.results.estimate import Ends, Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.shortcuts import Gain
from birads_zoo.results.subgroups import Group, Subgroups


def headline(metrics: RunMetrics) -> list[dict[str, Any]]:
    """Return both judged scores: interval, gain over the best shortcut, all shortcuts' places and the best possible."""
    best = metrics.best or Best(macro_f1=None, macro_auroc=None)
    ends, gain = metrics.intervals.scores, metrics.gain
    f1s = {name: scores.macro_f1 for name, scores in metrics.shortcuts.items()}
    areas = {name: scores.macro_auroc for name, scores in metrics.shortcuts.items()}
    judged = (
        _judged("macro-F1", metrics.macro.f1, ends.get("macro_f1"), gain.macro_f1, f1s, best.macro_f1),
        _judged("ROC-AUC", metrics.macro.auroc, ends.get("macro_auroc"), gain.macro_auroc, areas, best.macro_auroc),
    )
    judged = (judged[0], judged[1] and judged[1] | {"few": few_areas(metrics)})
    return [one for one in judged if one]


def _judged(
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
    said, tone = "", ""
    if gain:
        tone = "shown" if gain.low > 0 else "against"
        over = gain.over.replace("_", " ")
        said = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) over {over}"
    return {
        "name": name,
        "value": value,
        "low": ends and ends[0],
        "high": ends and ends[1],
        "ends": ends_of(ends),
        "few": "",
        "gain": said,
        "tone": tone,
        "shortcuts": marks,
        "possible": possible and {"value": possible.value, "ends": ends_of((possible.low, possible.high))},
        "best": next((mark for mark in marks if mark["best"]), None),
    }


def facts(metrics: RunMetrics) -> list[dict[str, str]]:
    """Return the figures next in weight to the headline's, with their names and the ends of their intervals."""
    scores = metrics.intervals.scores
    told = [("accuracy", metrics.accuracy, scores.get("accuracy"))]
    if metrics.kappa_quadratic is not None:
        told.append(("weighted kappa", metrics.kappa_quadratic, scores.get("kappa_quadratic")))
    if positive := metrics.positive:
        sensitive = positive.sensitivity_at_specificity.get("0.9")
        for name, one in (
            (f"ROC-AUC of the positive{' (too few pairs)' * is_few(positive.basis)}", positive.auroc),
            ("sensitivity at 90 % specificity", sensitive),
        ):
            if one is not None:
                told.append((name, one.value, (one.low, one.high)))
    return [{"name": name, "value": f"{value:.3f}", "ends": ends_of(ends)} for name, value, ends in told]


def ends_of(ends: Ends | None) -> str:
    """Return "[0.61, 0.78]" of an interval's ends, rounded outwards, and "" of none."""
    return "" if ends is None else "[{:.2f}, {:.2f}]".format(*outwards(*ends))


def cell(
    value: float | None,
    ends: Ends | None,
    mark: float | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
    *,
    few: bool = False,
) -> dict[str, Any]:
    """Return a table's cell for a score: its text, ends, what it is sorted by, and its bar on a `scale` from … to.

    `mark` is where an upright line stands on the bar; `few` says that it rests on too few pairs.
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
    """Return a row per true class: its images, and how many and which share of them each class was called."""
    rows = []
    for row in metrics.confusion:
        n = sum(row)
        rows.append({"n": n, "cells": [{"count": count, "share": count / n if n else 0.0} for count in row]})
    return rows


def per_class(metrics: RunMetrics) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a row per class, and the cells of the macro averages."""
    ends = metrics.intervals.scores
    rows = [
        {
            "name": one.name,
            "support": one.support,
            "cells": [
                cell(one.precision, ends.get(f"precision:{one.name}")),
                cell(one.recall, ends.get(f"recall:{one.name}")),
                cell(one.f1, ends.get(f"f1:{one.name}")),
                cell(one.auroc, ends.get(f"auroc:{one.name}"), few=is_few(metrics.intervals.areas.get(one.name))),
            ],
        }
        for one in metrics.per_class
    ]
    return rows, [
        cell(metrics.macro.precision, ends.get("macro_precision")),
        cell(metrics.macro.recall, ends.get("macro_recall")),
        cell(metrics.macro.f1, ends.get("macro_f1")),
        cell(metrics.macro.auroc, ends.get("macro_auroc"), few=bool(few_areas(metrics))),
    ]


def subgroups(found: Subgroups) -> list[dict[str, Any]]:
    """Return all rows together and then each attribute with its verdict and groups; [] where nothing is compared."""
    if not found.attributes:
        return []
    overall = found.compared(found.all)
    mark = overall.value if overall else None
    every = [found.all, *(group for attribute in found.attributes.values() for group in attribute.groups)]
    compared_scale = _scale([found.compared(group) for group in every])
    f1_scale = _scale([group.scores.macro_f1 for group in every if group.scores])

    def row(group: Group) -> dict[str, Any]:
        f1 = group.scores.macro_f1 if group.scores else None
        cells = [_scored(found.compared(group), mark, compared_scale), _scored(f1, None, f1_scale)]
        if group.scores is None:
            cells[0]["text"] = "too few for a score"
        elif is_few(group.basis):
            cells[0]["text"] += " (too few pairs)"
        counts = {"n": group.n, "patients": group.patients, "positives": group.positives}
        return {"value": group.value, "cells": cells} | counts

    parts = [{"name": "", "groups": [row(found.all)], "verdict": "", "differs": False}]
    for name, attribute in found.attributes.items():
        groups = [row(group) for group in attribute.groups]
        said = attribute_verdict(attribute)
        if attribute.within is not None:
            said += f"; within one source: {within_text(attribute.within)}"
        parts.append({"name": name, "groups": groups, "verdict": said, "differs": attribute.differs})
    return parts


def _scored(score: Estimate | None, mark: float | None, scale: Ends) -> dict[str, Any]:
    return cell(None, None) if score is None else cell(score.value, (score.low, score.high), mark, scale)


def _scale(scores: Sequence[Estimate | None]) -> Ends:
    known = [score for score in scores if score is not None]
    return min((one.low for one in known), default=0.0), max((one.high for one in known), default=1.0)


def shortcuts(metrics: RunMetrics) -> list[dict[str, Any]]:
    """Return a row for the network and one for each shortcut, from the best down."""
    ends = metrics.intervals.scores
    network = {
        "name": "this network",
        "network": True,
        "macro_f1": metrics.macro.f1,
        "macro_auroc": metrics.macro.auroc,
        "bar": cell(metrics.macro.f1, ends.get("macro_f1"))["bar"],
        "works": False,
        "said": "",
    }
    rows = []
    for name, scores in metrics.shortcuts.items():
        said = "" if scores.measured else NOT_MEASURED
        if scores.p_value is not None:
            said = "yes" if scores.flagged else "not shown"
            said += f": {scores.over_chance:+.3f} macro-F1 over chance ({p_text(scores.p_value)})"
        at = scores.macro_f1
        rows.append(
            {
                "name": name.replace("_", " "),
                "network": False,
                "macro_f1": at,
                "macro_auroc": scores.macro_auroc,
                "bar": cell(at, None if at is None else (at, at))["bar"],
                "works": bool(scores.flagged),
                "said": said,
            }
        )
    return [network, *sorted(rows, key=lambda row: -(row["macro_f1"] or 0.0))]
