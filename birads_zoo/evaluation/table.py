"""The results of one run as a table, for a terminal and as plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from birads_zoo.data.views import UNITS

_ERRORS = (("adjacent", "adjacent"), ("severe", "severe"), ("severe and too low", "severe_under"))
_COLUMNS = ("precision", "recall", "F1", "ROC-AUC", "support")


def headline(metrics: Mapping[str, Any], folds: int) -> str:
    """Say the main figures in one line, with the split, the rows and the folds they come from.

    `metrics` has the keys of metrics.json, with or without `split`, `leaky` and `intervals`.
    """
    figures = (
        ("accuracy", metrics["accuracy"], "accuracy"),
        ("balanced", metrics["balanced_accuracy"], "balanced_accuracy"),
        ("macro-F1", metrics["macro"]["f1"], "macro_f1"),
        ("ROC-AUC", metrics["macro"]["auroc"], "macro_auroc"),
        ("kappa", metrics["kappa_quadratic"], "kappa_quadratic"),
    )
    units = "" if _units(metrics) == "images" else f" {_units(metrics)}"
    basis = [f"n = {metrics['n']}{units}", f"{folds} fold{'' if folds == 1 else 's'}"]
    if "split" in metrics:
        leaky = ", leaky" if metrics.get("leaky") else ""
        basis.insert(0, f"{metrics['split']} split{leaky}")
    told = (f"{name} {_number(value)}{_ends(metrics, key)}" for name, value, key in figures)
    return " · ".join(told) + f"  ({', '.join(basis)})"


def against_shortcuts(metrics: Mapping[str, Any]) -> list[str]:
    """Say what each shortcut scores on the same folds, and how much more than the best of them the network does.

    Before that, where it is so, that the network's answer is always the same.
    """
    lines = ["shortcuts, on the same folds:"]
    called = [name for k, name in enumerate(metrics["classes"]) if any(row[k] for row in metrics["confusion"])]
    if len(called) == 1:
        lines.insert(0, f"every image is called {called[0]}: this network tells nothing apart")
    for name, scores in metrics["shortcuts"].items():
        figures = f"macro-F1 {_number(scores['macro_f1'])} · ROC-AUC {_number(scores['macro_auroc'])}"
        works = ""
        if scores.get("flagged"):
            works = f"  ← works: {scores['over_chance']:+.3f} macro-F1 over chance (p = {scores['p_value']:.3f})"
        lines.append(f"  {name.replace('_', ' '):<16}{figures}{works}")
    gains = []
    for key, name in (("macro_f1", "macro-F1"), ("macro_auroc", "ROC-AUC")):
        if gain := metrics["gain"].get(key):
            ends = f"{gain['low']:+.3f} to {gain['high']:+.3f}"
            gains.append(f"{name} {gain['value']:+.3f} ({ends}) over {gain['over'].replace('_', ' ')}")
    lines.append(f"gain over the best shortcut: {' · '.join(gains)}  (95 % intervals over patients)")
    return lines


def readings(metrics: Mapping[str, Any]) -> list[str]:
    """Say in a line each, where it was read: how far off mistakes are, the positive classes, costs, and subgroups."""
    lines = []
    if errors := metrics["errors"]:
        told = (f"{name} {_told(errors[key])}" for name, key in _ERRORS)
        lines.append(f"off by one class or more: {' · '.join(told)}")
    if positive := metrics["positive"]:
        at = (
            f"{_told(one)} at {round(100 * float(level))} % specificity"
            for level, one in positive["sensitivity_at_specificity"].items()
        )
        lines.append(
            f"{' or '.join(positive['classes'])} against the rest: ROC-AUC {_told(positive['auroc'])}"
            f" · sensitivity {', '.join(at)}  ({positive['positives']} of {positive['n']} {_units(metrics)})"
        )
    if cost := metrics["cost"]:
        lines.append(
            f"mean cost: {_told(cost['argmax'])} by the largest probability · {_told(cost['minimising'])} by the least"
            f" expected cost · {_told(cost['constant'])} by calling everything {cost['constant_class']}"
        )
    if attributes := metrics["subgroups"]["attributes"]:
        lines.append(f"subgroups: {_subgroups(attributes)}")
    return lines


def levels_and_chances(metrics: Mapping[str, Any]) -> list[str]:
    """Say in a line each how breasts and patients score, how calibrated the probabilities are, and what sets hold."""
    lines = []
    if levels := metrics["levels"]:
        names = ("patient",) if metrics.get("level") == "patient" else ("breast", "patient")
        told = " · ".join(_level(name, levels[name]) for name in names)
        lines.append(f"{told}  ({_units(metrics)} combined by {levels['rule']})")
    return [*lines, f"calibration: {_calibration(metrics['calibration'])}", _conformal(metrics["conformal"])]


def _subgroups(attributes: Mapping[str, Any]) -> str:
    groups = sum(len(one["groups"]) for one in attributes.values())
    compared = [name for name, one in attributes.items() if one["corrected"] is not None]
    shown = {name: attributes[name]["corrected"] for name in compared if attributes[name]["differs"]}
    if shown:
        differing = ", ".join(f"{name} (p = {p:.3f})" for name, p in shown.items())
        said = f"ROC-AUC differs by {differing}, corrected for {len(compared)} comparisons"
    elif compared:
        said = f"no difference in ROC-AUC shown by {', '.join(compared)}"
    else:
        said = f"too few patients to compare any by {', '.join(attributes)}"
    return f"{said}  ({groups} groups, each with its n in subgroups.png)"


def _units(metrics: Mapping[str, Any]) -> str:
    """Say what the rows are that were predicted."""
    return UNITS[metrics.get("level", "image")]


def _level(name: str, level: Mapping[str, Any] | None) -> str:
    if level is None:
        return f"no {name} is known"
    positive = level["positive"]
    said = f"macro-F1 {_told(level['scores']['macro_f1'])}"
    if positive is not None:
        said = f"ROC-AUC {_told(positive['auroc'])} ({positive['positives']} of {positive['n']} positive)"
    left_out = f", {level['left_out']} images left out" if level["left_out"] else ""
    return f"by {name}: {said}{left_out}"


def _calibration(calibration: Mapping[str, Any]) -> str:
    before, after = calibration["before"], calibration["after"]
    said = f"ECE {before['ece']:.3f} ({before['ece_if_calibrated']:.3f} by chance)"
    skill = f"Brier skill {_told(before['brier_skill'])}"
    left = [fold for fold in calibration["folds"] if fold["temperature"] is None]
    if after is not None:
        said += f", recalibrated {after['ece']:.3f} ({after['ece_if_calibrated']:.3f})"
        skill += f", recalibrated {_told(after['brier_skill'])}"
    note = f"  ({len(left)} of {len(calibration['folds'])} folds left as they are: {left[0]['reason']})" if left else ""
    return f"{said} · {skill}{note}"


def _conformal(conformal: Mapping[str, Any]) -> str:
    folds = conformal["folds"]
    whole = [fold for fold in folds if fold["threshold"] is None]
    note = f"  ({len(whole)} of {len(folds)} folds hold all classes: too few validation patients)" if whole else ""
    size = conformal["mean_size"]
    return (
        f"sets at {round(100 * conformal['level'])} %: the true class is in {_told(conformal['coverage'])} of them,"
        f" {size['value']:.2f} [{size['low']:.2f} {size['high']:.2f}] classes on average{note}"
    )


def by_fold(metrics: Mapping[str, Any]) -> str:
    """Say what each fold scores by itself, how far the folds lie apart, and of how many rows each is."""
    said = []
    for key, name in (("macro_f1", "macro-F1"), ("macro_auroc", "ROC-AUC")):
        own = " ".join(_number(fold[key]) for fold in metrics["per_fold"])
        spread = metrics["spread_over_folds"][key]["sd"]
        said.append(f"{name} {own}" + ("" if spread is None else f", sd {spread:.3f}"))
    rows = " ".join(str(fold["n"]) for fold in metrics["per_fold"])
    lacking = [
        f"fold {fold['fold'] + 1}: {', '.join(fold['absent'])}" for fold in metrics["per_fold"] if fold["absent"]
    ]
    absent = f"; without rows, and so 0 in its macro-F1: {'; '.join(lacking)}" if lacking else ""
    return f"by fold: {' · '.join(said)}  (n = {rows}{absent})"


def few_note(metrics: Mapping[str, Any]) -> str:
    """Say which classes have so few patients that intervals are not to be relied on; "" where none has."""
    about = metrics.get("intervals", {})
    if not (few := about.get("few")):
        return ""
    held = ", ".join(f"{name} {count}" for name, count in few.items())
    return (
        f"† fewer than {about['few_below']} patients ({held}): its intervals and those of macro averages hold the truth"
        " less often than they say"
    )


def results_table(metrics: Mapping[str, Any], title: str) -> Table:
    """Lay out per-class, macro and weighted metrics (the keys of metrics.json) as a table for a terminal."""
    # Text, not str: rich would read "[4]" in a class name or title as markup.
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("class", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    classes, means = _rows(metrics)
    for row in classes:
        table.add_row(*map(Text, row))
    table.add_section()
    for row in means:
        table.add_row(*map(Text, row), style="bold" if row[0] == "macro" else None)
    return table


def results_text(metrics: Mapping[str, Any], title: str) -> str:
    """Lay out the same as lines of plain text, aligned by spaces and never cut, for files and pipes."""
    classes, means = _rows(metrics)
    rows = [("class", *_COLUMNS), *classes, *means]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    end = 1 + len(classes)
    return "\n".join([title, lines[0], rule, *lines[1:end], rule, *lines[end:]])


def _rows(metrics: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the cells of the classes' rows and of the two means' rows."""
    names = ("precision", "recall", "f1", "auroc")
    classes = [
        (
            str(entry["name"]) + " †" * (entry["name"] in metrics.get("intervals", {}).get("few", {})),
            *_cells(metrics, entry, {key: f"{key}:{entry['name']}" for key in names}),
            str(entry["support"]),
        )
        for entry in metrics["per_class"]
    ]
    n = str(metrics["n"])
    return classes, [
        ("macro", *_cells(metrics, metrics["macro"], {key: f"macro_{key}" for key in names}), n),
        ("weighted", *_cells(metrics, metrics["weighted"], {key: f"weighted_{key}" for key in names[:3]}), "", n),
    ]


def _cells(metrics: Mapping[str, Any], values: Mapping[str, Any], keys: Mapping[str, str]) -> list[str]:
    return [_number(values[key]) + _ends(metrics, name) for key, name in keys.items()]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _told(estimate: Mapping[str, float] | None) -> str:
    """Return a value with its ends, as "0.714 [.66 .77]"."""
    if estimate is None:
        return "–"
    return f"{estimate['value']:.3f}{_bracketed(estimate['low'], estimate['high'])}"


def _ends(metrics: Mapping[str, Any], name: str) -> str:
    """Return " [.61 .78]", short enough for four of them on a line of 80 characters; "" where there is none."""
    ends = metrics.get("intervals", {}).get("scores", {}).get(name)
    return "" if ends is None else _bracketed(*ends)


def outwards(low: float, high: float) -> tuple[float, float]:
    """Round an interval's ends to two digits, outwards, so that what it holds still lies in it."""
    return math.floor(100 * low + 1e-9) / 100, math.ceil(100 * high - 1e-9) / 100


def _bracketed(low: float, high: float) -> str:
    return f" [{' '.join(f'{end:.2f}'.replace('0.', '.', 1) for end in outwards(low, high))}]"
