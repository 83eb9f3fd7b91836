"""Writes a finished run as an HTML page that opens without a network and has every prediction in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from msgspec.structs import asdict

from birads_zoo.data.index.view_names import UNITS
from birads_zoo.data.prepare import Prepared
from birads_zoo.evaluation.probabilities.recalibration import FEWEST_PATIENTS
from birads_zoo.evaluation.words import leak_text
from birads_zoo.files import write_text
from birads_zoo.recipe import Recipe, shaping
from birads_zoo.recipe.layers import leaves
from birads_zoo.report import templates
from birads_zoo.report.drawing.style import class_colours
from birads_zoo.report.drawing.subgroups import SCORES
from birads_zoo.report.run import plots as run_plots
from birads_zoo.report.run import tables as run_tables
from birads_zoo.report.run.checks import check_run
from birads_zoo.report.run.figures import against_the_rest, chosen_epochs
from birads_zoo.report.run.gallery import gallery
from birads_zoo.report.run.terminal import chances
from birads_zoo.results.environment import Environment
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.probabilities import FoldFit
from birads_zoo.runs.predictions import predicted_rows
from birads_zoo.training.history import Epoch

_PLACES = ("root", "table", "weights", "patient_pattern")  # fields whose values may name a person or a machine


def write_run_page(
    path: Path,
    recipe: Recipe,
    test: pd.DataFrame,
    metrics: RunMetrics,
    environment: Environment,
    history: Sequence[Epoch],
    data: Prepared,
    heat: Mapping[str, Any],
    names: Mapping[str, str] | None,
) -> None:
    """Write the page to `path`, as one file; every text from outside is escaped.

    Args:
        path: the HTML file to write.
        recipe: the run's recipe, with its ablations applied.
        test: the rows of `predictions.csv`.
        metrics: the content of `metrics.json`.
        environment: the content of `environment.json`.
        history: every fold's epochs.
        data: the run's data, prepared again.
        heat: what `heat.read_heat` returns.
        names: the name shown for each patient id. With it, the page contains no id, file name or date. `None` shows
            the ids, and the folders of the data.

    """
    shown_names = {patient: patient for patient in test["patient_id"]} if names is None else names
    rows = predicted_rows(test, "test", data, recipe)
    together, each = against_the_rest(rows, recipe)
    calibration_text, sets_text = chances(metrics)
    not_recalibrated = _not_recalibrated(metrics.calibration.folds)
    chosen = chosen_epochs(history, recipe)
    per_class, macro = run_tables.per_class(metrics)
    shown = gallery(test, data, metrics.classes, shown_names, heat, recalibrated=not not_recalibrated)
    explainers = {explainer["name"]: explainer["faithful"] for explainer in heat["explainers"]}
    page = templates.render(
        "report.html",
        title=f"{recipe.run_id} on {recipe.dataset.name}, target {metrics.target}",
        basis=_basis(metrics),
        headline=run_tables.headline(metrics),
        facts=run_tables.facts(metrics),
        checks=check_run(metrics, data.summary, explainers),
        classes=metrics.classes,
        colours=class_colours(len(metrics.classes)),
        confusion=run_tables.confusion(metrics),
        per_class=per_class,
        macro=macro,
        few=metrics.intervals.few,
        n=metrics.n,
        folds=metrics.folds,
        patients=sorted({row["patient"] for row in shown["rows"] if row["patient"]}),
        gallery=shown,
        not_recalibrated=not_recalibrated,
        roc=run_plots.roc_plots(together, each),
        pr=run_plots.pr_plots(together, each),
        reliability=run_plots.reliability_plots(metrics.calibration),
        calibration_text=_sentence(calibration_text),
        sets_text=_sentence(sets_text),
        subgroups=run_tables.subgroups(metrics.subgroups),
        tested=SCORES[metrics.subgroups.tested],
        shortcuts=run_tables.shortcuts(metrics),
        learning=run_plots.learning_plots(history, chosen),
        training_text=_training_text(history, recipe),
        per_fold=_per_fold(metrics, history, chosen),
        data_text=_data_text(data),
        population=_population(data),
        audit=_audit(data),
        environment=_environment(environment, recipe),
        recipe=_recipe(recipe, whole=names is None),
    )
    write_text(path, page)


def _basis(metrics: RunMetrics) -> str:
    units = UNITS[metrics.level]
    folds = "one fold" if metrics.folds == 1 else f"{metrics.folds} folds, every {units[:-1]} predicted once"
    leaks = f", which {leak_text(metrics)} patients" if metrics.leaky else ""
    return (
        f"{metrics.n} test {units} of {metrics.patients} patients, {metrics.split} split{leaks}, {folds}; "
        "intervals are 95 %, over whole patients"
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _not_recalibrated(folds: Sequence[FoldFit]) -> str:
    """Return why no fold was recalibrated; "" if one was."""
    if any(fold.temperature is not None for fold in folds):
        return ""
    if all(fold.patients < FEWEST_PATIENTS for fold in folds):
        return "too few validation patients"
    return "; ".join(dict.fromkeys(fold.reason for fold in folds))


def _training_text(history: Sequence[Epoch], recipe: Recipe) -> str:
    rule = {"last": "the last epoch is kept", "loss": "the epoch with the lowest validation loss is kept"}
    kept = rule.get(recipe.training.select, f"the epoch with the best validation {recipe.training.select} is kept")
    minutes = sum(epoch.seconds for epoch in history) / 60
    epochs = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    return f"{epochs} over all folds, {minutes:.1f} min; {kept}. Thin: each fold; thick: their mean."


def _per_fold(metrics: RunMetrics, history: Sequence[Epoch], chosen: Mapping[int, int]) -> list[dict[str, Any]]:
    epochs = Counter(epoch.fold for epoch in history)
    return [
        asdict(row) | {"fold": row.fold + 1, "epochs": epochs[row.fold], "kept": chosen.get(row.fold, "–")}
        for row in metrics.per_fold
    ]


def _data_text(data: Prepared) -> str:
    summary, (_, height, width) = data.summary, data.store.array.shape
    return (
        f"{summary.rows} rows of {summary.patients} patients, {summary.usable} of them usable for the target "
        f"{data.labelled.target.name}; the pictures have {height} × {width} pixels, for the network and on this page."
    )


def _population(data: Prepared) -> list[tuple[str, int, int]]:
    patients = data.labelled.index.rows["patient_id"].to_numpy()
    return [
        (name, int((of := data.labelled.labels == k).sum()), len({patient for patient in patients[of] if patient}))
        for k, name in enumerate(data.labelled.classes)
    ]


def _audit(data: Prepared) -> list[tuple[str, str, int]]:
    kinds = ("dropped", "repaired", "unlisted")
    return [(kind, reason, n) for kind in kinds for reason, n in getattr(data.summary, kind).items()]


def _environment(environment: Environment, recipe: Recipe) -> list[tuple[str, str]]:
    """Return the run's environment as names and values, without its command line, which can hold folder names."""
    rows = [("ablations", ", ".join(recipe.ablations) or "none")]
    for key, value in asdict(environment).items():
        if key in ("arguments", "resumed") or value is None:
            continue
        if isinstance(value, Mapping):
            value = ", ".join(f"{name} {entry}" for name, entry in value.items())
        rows.append((key.replace("_", " "), str(value)))
    if again := environment.resumed:
        rows.append(("resumed", f"{len(again)} times" if len(again) > 1 else "once"))
    return rows


def _recipe(recipe: Recipe, *, whole: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the recipe's fields by section; values that may name a person or a machine are hidden unless `whole`."""
    sections: dict[str, list[tuple[str, str]]] = {"general": []}
    for key, value in leaves(shaping(recipe)).items():
        section, field = key.split(".", 1) if "." in key else ("general", key)
        sections.setdefault(section, []).append((field, _field(field, value, whole=whole)))
    return list(sections.items())


def _field(key: str, value: Any, *, whole: bool) -> str:
    if value in ("", [], {}):
        return "–"
    if key.rpartition(".")[2] in _PLACES and not whole:
        return "given, not shown"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
