"""From the table of predictions to the metrics that are reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.prepare import Prepared
from birads_zoo.data.splits import is_leaky
from birads_zoo.evaluation.comparison import gain_over_best
from birads_zoo.evaluation.conformal import read_conformal
from birads_zoo.evaluation.decisions import check_costs, read_cost
from birads_zoo.evaluation.folds import score_folds, spread_over_folds
from birads_zoo.evaluation.intervals import FEW, LEVEL, METHOD, Estimate, few_patients, intervals
from birads_zoo.evaluation.levels import read_levels
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.ordinal import read_errors
from birads_zoo.evaluation.positive import positive_numbers, read_positive
from birads_zoo.evaluation.recalibration import read_calibration
from birads_zoo.evaluation.resampling import clusters
from birads_zoo.evaluation.subgroups import read_subgroups
from birads_zoo.evaluation.weighted import weighted_scores
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe
from birads_zoo.runs.predictions import class_shifts, labels_and_probabilities, predicted_rows
from birads_zoo.shortcuts.rungs import Rung
from birads_zoo.shortcuts.verdict import Verdict

JUDGED = ("macro_f1", "macro_auroc")
"""The metrics in which a network is held against the shortcuts."""

def measure(
    predictions: pd.DataFrame,
    data: Prepared,
    recipe: Recipe,
    rungs: Sequence[Rung],
    verdicts: Mapping[str, Verdict],
) -> dict[str, Any]:
    """Return the content of `metrics.json`: the metrics of the test rows with intervals, and how the split was made.

    All test rows are pooled out of fold; `per_fold` has each fold by itself and `spread_over_folds` what that varies.
    `rungs` are the shortcuts' probabilities of the same test rows; `shortcuts` tells what each scores and whether it
    works (`verdicts`), and `gain` how much more than the best of them the network does, which is the headline.
    The split `paper` also gets `validation`: the same on the rows that the paper reported, which had chosen the epoch.
    """
    test = predictions[predictions["part"] == "test"]
    metrics = _measured(test, data, recipe) | _by_fold(predictions, data, recipe)
    metrics |= _against(test, data, recipe, rungs, verdicts) | _read(predictions, data, recipe)
    metrics["split"] = recipe.split.scheme
    metrics["leaky"] = is_leaky(recipe.split.scheme)
    metrics["folds"] = len(data.folds)
    metrics["patients"] = int(test["patient_id"].nunique())
    metrics["target"] = data.labelled.target.name
    if len(data.folds) == 1 and (validation := predictions[predictions["part"] == "validation"]).size:
        metrics["validation"] = _measured(validation, data, recipe)
    return metrics


def _read(predictions: pd.DataFrame, data: Prepared, recipe: Recipe) -> dict[str, Any]:
    """Return every further reading of the predictions: one call each, whose value is a key of `metrics.json`.

    A reading takes test rows (and validation rows, where something is fitted on them) and returns what JSON has,
    `None` where it does not apply to the target. Those that resample patients draw the same resamples, so that what two
    of them tell of one score agrees.
    """
    test, validation = (predicted_rows(predictions, part, data, recipe) for part in ("test", "validation"))
    evaluation, training = recipe.evaluation, recipe.training

    def same() -> np.random.Generator:
        return numpy_generator(recipe.seed, "intervals")

    return {
        "errors": read_errors(test),
        "positive": read_positive(test, same()),
        "cost": read_cost(test, evaluation.costs),
        "subgroups": read_subgroups(test, same()),
        "levels": read_levels(test, evaluation.level_rule, same()),
        "calibration": read_calibration(test, validation, class_shifts(data, recipe)),
        "conformal": read_conformal(
            test,
            validation,
            evaluation.conformal_level,
            chose_epoch=training.select != "last" or training.schedule == "plateau" or training.early_stopping > 0,
            leaky=is_leaky(recipe.split.scheme),
        ),
    }


def check_evaluation(data: Prepared, recipe: Recipe) -> None:
    """Raise `UserError`, before any training, for a section `evaluation` that does not fit the run's classes."""
    positive_numbers(recipe.evaluation.positive, data.labelled.target, data.labelled.classes)
    check_costs(recipe.evaluation.costs, data.labelled.classes)


def _measured(rows: pd.DataFrame, data: Prepared, recipe: Recipe) -> dict[str, Any]:
    classes, ordinal = data.labelled.classes, data.labelled.target.ordinal
    labels, probabilities = labels_and_probabilities(rows, classes)
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    found = intervals(labels, probabilities, patients, ordinal=ordinal)
    return evaluate(labels, probabilities, classes, ordinal=ordinal).to_dict() | {
        "intervals": {
            "method": METHOD,
            "level": LEVEL,
            "resamples": int(clusters(patients).max()) + 1,
            "few": {classes[k]: held for k, held in few_patients(labels, patients, len(classes)).items()},
            "few_below": FEW,
            "scores": {_named(name, classes): _ends(interval) for name, interval in found.items()},
        }
    }


def _by_fold(predictions: pd.DataFrame, data: Prepared, recipe: Recipe) -> dict[str, Any]:
    test = predicted_rows(predictions, "test", data, recipe)
    told = score_folds(test.labels, test.probabilities, test.patients, test.folds, test.classes, ordinal=test.ordinal)
    return {"per_fold": told, "spread_over_folds": spread_over_folds(told)}


def _against(
    test: pd.DataFrame, data: Prepared, recipe: Recipe, rungs: Sequence[Rung], verdicts: Mapping[str, Verdict]
) -> dict[str, Any]:
    classes, ordinal = data.labelled.classes, data.labelled.target.ordinal
    labels, probabilities = labels_and_probabilities(test, classes)
    patients = test["patient_id"].to_numpy(dtype=np.str_)
    once = np.ones((1, len(labels)))
    gains = gain_over_best(
        labels,
        probabilities,
        {rung.name: rung.probabilities for rung in rungs},
        patients,
        JUDGED,
        ordinal=ordinal,
    )
    return {
        "shortcuts": {
            rung.name: {
                name: float(value[0]) if np.isfinite(value[0]) else None
                for name, value in weighted_scores(labels, rung.probabilities, once, ordinal, JUDGED).items()
            }
            | _verdict(verdicts.get(rung.name))
            for rung in rungs
        },
        "gain": {"over": gains[JUDGED[0]][0]}
        | {name: None if gain is None else asdict(gain) | {"over": over} for name, (over, gain) in gains.items()},
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:  # nobody asks whether the commonest class works
        return {}
    return {"over_chance": verdict.gain, "p_value": verdict.p_value, "flagged": verdict.flagged}


def _named(score: str, classes: tuple[str, ...]) -> str:
    """Turn "f1:2" into "f1:BI-RADS 4"."""
    name, colon, number = score.partition(":")
    return f"{name}:{classes[int(number)]}" if colon else name


def _ends(interval: Estimate | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
