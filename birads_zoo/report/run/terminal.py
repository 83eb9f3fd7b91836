"""Formats the results of one run as a table, for a terminal and as plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.few import also_few, few_areas, is_few
from birads_zoo.evaluation.words import leak_note, p_text
from birads_zoo.results.estimate import Ends, Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.probabilities import Conformal, Recalibration
from birads_zoo.results.readings import Units
from birads_zoo.results.scores import Measured
from birads_zoo.results.subgroups import Attribute

_COLUMNS = ("precision", "recall", "F1", "ROC-AUC", "support")


def headline(metrics: RunMetrics) -> str:
    """Return the main figures in one line, with the split, the number of rows and the folds."""
    figures = (
        ("accuracy", metrics.accuracy, "accuracy"),
        ("balanced", metrics.balanced_accuracy, "balanced_accuracy"),
        ("macro-F1", metrics.macro.f1, "macro_f1"),
        ("ROC-AUC", metrics.macro.auroc, "macro_auroc"),
        ("kappa", metrics.kappa_quadratic, "kappa_quadratic"),
    )
    few = {"ROC-AUC": f" ({few_areas(metrics)})" * bool(few_areas(metrics))}
    shown = (f"{name} {_number(value)}{_ends(metrics, key)}{few.get(name, '')}" for name, value, key in figures)
    folds = f"{metrics.folds} fold{'' if metrics.folds == 1 else 's'}"
    units = "" if metrics.level == "image" else f" {UNITS[metrics.level]}"
    return " · ".join(shown) + f"  ({metrics.split} split{leak_note(metrics)}, n = {metrics.n}{units}, {folds})"


NOT_MEASURED = "not measurable: a fold has too few training rows for it"


def against_shortcuts(metrics: RunMetrics) -> list[str]:
    """Return lines with each shortcut's scores on the same folds, and the network's gain over the best of them.

    If the network predicts the same class for every image, the first line says so.
    """
    lines = ["shortcuts, on the same folds:"]
    predicted = [name for k, name in enumerate(metrics.classes) if any(row[k] for row in metrics.confusion)]
    if len(predicted) == 1:
        lines.insert(0, f"every image is predicted as {predicted[0]}: this network does not tell classes apart")
    for name, scores in metrics.shortcuts.items():
        figures = f"macro-F1 {_number(scores.macro_f1)} · ROC-AUC {_number(scores.macro_auroc)}"
        if not scores.measured:
            figures = NOT_MEASURED
        works = ""
        if scores.flagged and scores.p_value is not None:
            works = f"  ← works: {scores.over_chance:+.3f} macro-F1 over chance ({p_text(scores.p_value)})"
        lines.append(f"  {name.replace('_', ' '):<16}{figures}{works}")
    gains = []
    for name, gain in (("macro-F1", metrics.gain.macro_f1), ("ROC-AUC", metrics.gain.macro_auroc)):
        if gain:
            ends = f"{gain.low:+.3f} to {gain.high:+.3f}"
            gains.append(f"{name} {gain.value:+.3f} ({ends}) over {gain.over.replace('_', ' ')}")
    lines.append(f"gain over the best shortcut: {' · '.join(gains)}  (95 % intervals over patients)")
    return lines


def against_best(metrics: RunMetrics) -> list[str]:
    """Return a line with the best possible result on the same rows; [] if the data set does not know it."""
    if (best := metrics.best) is None:
        return []
    scores = f"macro-F1 {with_interval(best.macro_f1)} · ROC-AUC {with_interval(best.macro_auroc)}"
    return [f"best possible on these rows: {scores}  (by the classes' true chances, which this data set knows)"]


def readings(metrics: RunMetrics) -> list[str]:
    """Return a line each, if known: how far off mistakes are, the positive classes, and costs."""
    lines = []
    if errors := metrics.errors:
        kinds = (("adjacent", errors.adjacent), ("severe", errors.severe), ("severe and too low", errors.severe_under))
        lines.append(
            f"off by one class or more: {' · '.join(f'{name} {with_interval(share)}' for name, share in kinds)}"
        )
    if positive := metrics.positive:
        at = (
            f"{with_interval(estimate)} at {round(100 * float(level))} % specificity"
            for level, estimate in positive.sensitivity_at_specificity.items()
        )
        lines.append(
            f"{' or '.join(positive.classes)} against the rest: ROC-AUC {with_interval(positive.auroc)}"
            f" · sensitivity {', '.join(at)}  ({positive.positives} of {positive.n} {UNITS[metrics.level]}"
            f"{also_few(positive.basis)})"
        )
    if cost := metrics.cost:
        lines.append(
            f"mean cost: {with_interval(cost.argmax)} by the largest probability · {with_interval(cost.minimising)}"
            f" by the least expected cost · {with_interval(cost.constant)} by always predicting {cost.constant_class}"
        )
    return lines


def by_subgroup(metrics: RunMetrics) -> list[str]:
    """Return a line with the attributes by which scores differ; [] if no attribute has two known values."""
    attributes = metrics.subgroups.attributes
    return [f"subgroups: {_subgroups(attributes)}"] if attributes else []


def by_level(metrics: RunMetrics) -> list[str]:
    """Return a line with the scores of breasts and patients; [] if the classes have no order of severity."""
    if (levels := metrics.levels) is None:
        return []
    finer = () if metrics.level == "patient" else (("breast", levels.breast),)
    text = " · ".join(_level(name, units) for name, units in (*finer, ("patient", levels.patient)))
    return [f"{text}  ({UNITS[metrics.level]} combined by {levels.rule})"]


def chances(metrics: RunMetrics) -> list[str]:
    """Return a line on the calibration of the probabilities, and one on the conformal sets."""
    return [f"calibration: {_calibration(metrics.calibration)}", _conformal(metrics.conformal)]


def _subgroups(attributes: Mapping[str, Attribute]) -> str:
    groups = sum(len(attribute.groups) for attribute in attributes.values())
    compared = {name: attribute.corrected for name, attribute in attributes.items() if attribute.corrected is not None}
    shown = {name: p for name, p in compared.items() if attributes[name].differs}
    if shown:
        differing = ", ".join(f"{name} ({p_text(p)})" for name, p in shown.items())
        text = f"ROC-AUC differs by {differing}, corrected for {len(compared)} comparisons"
    elif compared:
        text = f"no difference in ROC-AUC shown by {', '.join(compared)}"
    else:
        text = f"too few patients to compare any by {', '.join(attributes)}"
    return f"{text}  ({groups} groups, each with its n in subgroups.png)"


def _level(name: str, units: Units | None) -> str:
    if units is None:
        return f"no {name} is known"
    text = f"macro-F1 {with_interval(units.scores.macro_f1)}"
    if (positive := units.positive) is not None:
        share = f"{positive.positives} of {positive.n} positive{also_few(positive.basis)}"
        text = f"ROC-AUC {with_interval(positive.auroc)} ({share})"
    left_out = f", {units.left_out} images left out" if units.left_out else ""
    return f"by {name}: {text}{left_out}"


def _calibration(calibration: Recalibration) -> str:
    before, after = calibration.before, calibration.after
    text = f"ECE {before.ece:.3f} in {before.bins} equal-count bins ({before.ece_if_calibrated:.3f} by chance)"
    skill = f"Brier skill {with_interval(before.brier_skill)}"
    left = [fold for fold in calibration.folds if fold.temperature is None]
    if after is not None:
        text += f", recalibrated {after.ece:.3f} ({after.ece_if_calibrated:.3f})"
        skill += f", recalibrated {with_interval(after.brier_skill)}"
    note = f"  ({len(left)} of {len(calibration.folds)} folds not recalibrated: {left[0].reason})" if left else ""
    return f"{text} · {skill}{note}"


def _conformal(conformal: Conformal) -> str:
    folds = conformal.folds
    whole = [fold for fold in folds if fold.threshold is None]
    note = f"  ({len(whole)} of {len(folds)} folds: all classes, too few validation patients)" if whole else ""
    size = conformal.mean_size
    return (
        f"sets at {round(100 * conformal.level)} %: the true class is in {with_interval(conformal.coverage)} of them,"
        f" {size.value:.2f} [{size.low:.2f} {size.high:.2f}] classes on average{note}"
    )


def by_fold(metrics: RunMetrics) -> str:
    """Return a line with each fold's scores, their standard deviation, and the folds' numbers of rows."""
    folds, spread = metrics.per_fold, metrics.spread_over_folds
    text = []
    for name, values, sd in (
        ("macro-F1", [fold.macro_f1 for fold in folds], spread.macro_f1.sd),
        ("ROC-AUC", [fold.macro_auroc for fold in folds], spread.macro_auroc.sd),
    ):
        text.append(f"{name} {' '.join(map(_number, values))}" + ("" if sd is None else f", sd {sd:.3f}"))
    rows = " ".join(str(fold.n) for fold in folds)
    lacking = [f"fold {fold.fold + 1}: {', '.join(fold.absent)}" for fold in folds if fold.absent]
    absent = f"; without rows, and so 0 in its macro-F1: {'; '.join(lacking)}" if lacking else ""
    few = [str(fold.fold + 1) for fold in folds if is_few(fold.basis)]
    pairs = f"; too few pairs for a ROC-AUC in fold{'s' * (len(few) > 1)} {', '.join(few)}" if few else ""
    return f"by fold: {' · '.join(text)}  (n = {rows}{absent}{pairs})"


def results_table(metrics: Measured, title: str) -> Table:
    """Return per-class, macro and weighted metrics as a table for a terminal."""
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


def results_text(metrics: Measured, title: str) -> str:
    """Return the same table as lines of plain text, aligned by spaces and never cut, for files and pipes."""
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


def _rows(metrics: Measured) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the cells of the classes' rows and of the two means' rows."""
    few, areas = metrics.intervals.few, metrics.intervals.areas
    classes: list[tuple[str, ...]] = [
        (
            row.name + " †" * (row.name in few),
            _cell(metrics, row.precision, f"precision:{row.name}"),
            _cell(metrics, row.recall, f"recall:{row.name}"),
            _cell(metrics, row.f1, f"f1:{row.name}"),
            _cell(metrics, row.auroc, f"auroc:{row.name}") + " ‡" * is_few(areas.get(row.name)),
            str(row.support),
        )
        for row in metrics.per_class
    ]
    macro, weighted, n = metrics.macro, metrics.weighted, str(metrics.n)
    return classes, [
        (
            "macro",
            _cell(metrics, macro.precision, "macro_precision"),
            _cell(metrics, macro.recall, "macro_recall"),
            _cell(metrics, macro.f1, "macro_f1"),
            _cell(metrics, macro.auroc, "macro_auroc") + " ‡" * bool(few_areas(metrics)),
            n,
        ),
        (
            "weighted",
            _cell(metrics, weighted.precision, "weighted_precision"),
            _cell(metrics, weighted.recall, "weighted_recall"),
            _cell(metrics, weighted.f1, "weighted_f1"),
            "",
            n,
        ),
    ]


def _cell(metrics: Measured, value: float | None, name: str) -> str:
    return _number(value) + _ends(metrics, name)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def with_interval(estimate: Estimate | None) -> str:
    """Return a value with its interval, as "0.714 [.66 .77]"."""
    return "–" if estimate is None else f"{estimate.value:.3f}{_bracketed((estimate.low, estimate.high))}"


def _ends(metrics: Measured, name: str) -> str:
    """Return an interval as " [.61 .78]", so that four fit on a line of 80 characters; "" if there is none."""
    ends = metrics.intervals.scores.get(name)
    return "" if ends is None else _bracketed(ends)


def outwards(low: float, high: float) -> tuple[float, float]:
    """Round an interval's ends to two digits, outwards, so that it never gets narrower."""
    return math.floor(100 * low + 1e-9) / 100, math.ceil(100 * high - 1e-9) / 100


def _bracketed(ends: Ends) -> str:
    return f" [{' '.join(f'{end:.2f}'.replace('0.', '.', 1) for end in outwards(*ends))}]"
