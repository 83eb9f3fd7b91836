"""What the tables and rulers of a run's page show: texts, ends of intervals, and bars in percent of a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from birads_zoo.evaluation.table import outwards
from birads_zoo.report.subgroup_figure import attribute_verdict

_JUDGED = (("macro_f1", "macro-F1"), ("macro_auroc", "ROC-AUC"))
_OF_CLASS = ("precision", "recall", "f1", "auroc")


def headline(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return both judged scores with their interval, their gain over the best shortcut, and all shortcuts' places."""
    told = []
    for key, name in _JUDGED:
        value = metrics["macro"]["f1" if key == "macro_f1" else "auroc"]
        if value is None:
            continue
        ends, gain = metrics["intervals"]["scores"].get(key), metrics["gain"].get(key)
        marks = [
            {"name": shortcut.replace("_", " "), "value": scores[key], "best": bool(gain) and gain["over"] == shortcut}
            for shortcut, scores in metrics["shortcuts"].items()
            if scores[key] is not None
        ]
        said, tone = "", ""
        if gain:
            tone = "shown" if gain["low"] > 0 else "against"
            over = gain["over"].replace("_", " ")
            said = f"{gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f}) over {over}"
        told.append(
            {
                "name": name,
                "value": value,
                "low": ends and ends[0],
                "high": ends and ends[1],
                "ends": ends_of(ends),
                "gain": said,
                "tone": tone,
                "shortcuts": marks,
                "best": next((mark for mark in marks if mark["best"]), None),
            }
        )
    return told


def facts(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the figures next in weight to the headline's, with their names and the ends of their intervals."""
    scores = metrics["intervals"]["scores"]
    told = [("accuracy", metrics["accuracy"], scores.get("accuracy"))]
    if metrics["kappa_quadratic"] is not None:
        told.append(("weighted kappa", metrics["kappa_quadratic"], scores.get("kappa_quadratic")))
    if positive := metrics["positive"]:
        sensitive = positive["sensitivity_at_specificity"].get("0.9")
        for name, one in (
            ("ROC-AUC of the positive", positive["auroc"]),
            ("sensitivity at 90 % specificity", sensitive),
        ):
            if one is not None:
                told.append((name, one["value"], (one["low"], one["high"])))
    return [{"name": name, "value": f"{value:.3f}", "ends": ends_of(ends)} for name, value, ends in told]


def ends_of(ends: Sequence[float] | None) -> str:
    """Return "[0.61, 0.78]" of an interval's ends, rounded outwards, and "" of none."""
    return "" if ends is None else "[{:.2f}, {:.2f}]".format(*outwards(*ends))


def cell(
    value: float | None,
    ends: Sequence[float] | None,
    mark: float | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
) -> dict[str, Any]:
    """Return a table's cell for a score: its text, ends, what it is sorted by, and its bar on a `scale` from … to.

    `mark` is where an upright line stands on the bar.
    """
    bar = None
    if value is not None and ends is not None:
        low, high, at, line = (
            100 * (place - scale[0]) / max(scale[1] - scale[0], 1e-9) for place in (*ends, value, mark or 0.0)
        )
        bar = {"kind": "" if mark is None else "mark", "low": low, "high": high, "value": at, "mark": line}
    return {
        "text": "–" if value is None else f"{value:.3f}",
        "ends": ends_of(ends),
        "key": "" if value is None else f"{value:.6f}",
        "bar": bar,
    }


def confusion(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per true class: its images, and how many and which share of them each class was called."""
    rows = []
    for row in metrics["confusion"]:
        n = sum(row)
        rows.append({"n": n, "cells": [{"count": count, "share": count / n if n else 0.0} for count in row]})
    return rows


def per_class(metrics: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a row per class, and the cells of the macro averages."""
    ends = metrics["intervals"]["scores"]
    rows = [
        {
            "name": one["name"],
            "support": one["support"],
            "cells": [cell(one[key], ends.get(f"{key}:{one['name']}")) for key in _OF_CLASS],
        }
        for one in metrics["per_class"]
    ]
    return rows, [cell(metrics["macro"][key], ends.get(f"macro_{key}")) for key in _OF_CLASS]


def subgroups(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all rows together and then each attribute with its verdict and groups; [] where nothing is compared."""
    if not found["attributes"]:
        return []
    overall = (found["all"]["scores"] or {}).get(found["tested"])
    mark = overall["value"] if overall else None
    every = [one["scores"] for part in found["attributes"].values() for one in part["groups"]] + [
        found["all"]["scores"]
    ]
    scales = {
        key: _scale([scores[key] for scores in every if scores and scores[key]])
        for key in (found["tested"], "macro_f1")
    }

    def group(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
        scores = one["scores"] or {}
        told = [(scores.get(key), at, scales[key]) for key, at in ((found["tested"], mark), ("macro_f1", None))]
        cells = [
            cell(None, None) if score is None else cell(score["value"], (score["low"], score["high"]), at, scale)
            for score, at, scale in told
        ]
        if not scores:
            cells[0]["text"] = "too few for a score"
        return {"value": name, "cells": cells} | {key: one[key] for key in ("n", "patients", "positives")}

    parts = [{"name": "", "groups": [group("all", found["all"])], "verdict": "", "differs": False}]
    for name, attribute in found["attributes"].items():
        said = attribute_verdict(attribute)
        groups = [group(one["value"], one) for one in attribute["groups"]]
        parts.append({"name": name, "groups": groups, "verdict": said, "differs": attribute["differs"]})
    return parts


def _scale(scores: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    return min((one["low"] for one in scores), default=0.0), max((one["high"] for one in scores), default=1.0)


def shortcuts(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for the network and one for each shortcut, from the best down."""
    ends = metrics["intervals"]["scores"]
    network = {
        "name": "this network",
        "network": True,
        "macro_f1": metrics["macro"]["f1"],
        "macro_auroc": metrics["macro"]["auroc"],
        "bar": cell(metrics["macro"]["f1"], ends.get("macro_f1"))["bar"],
        "works": False,
        "said": "",
    }
    rows = []
    for name, scores in metrics["shortcuts"].items():
        said = ""
        if "over_chance" in scores:
            said = "yes" if scores["flagged"] else "not shown"
            said += f": {scores['over_chance']:+.3f} macro-F1 over chance (p = {scores['p_value']:.3f})"
        at = scores["macro_f1"]
        rows.append(
            {
                "name": name.replace("_", " "),
                "network": False,
                "macro_f1": at,
                "macro_auroc": scores["macro_auroc"],
                "bar": cell(at, None if at is None else (at, at))["bar"],
                "works": scores.get("flagged", False),
                "said": said,
            }
        )
    return [network, *sorted(rows, key=lambda row: -(row["macro_f1"] or 0.0))]
