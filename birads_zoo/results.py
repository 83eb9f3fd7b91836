"""From folds' probabilities to the table of predictions and the metrics that are reported."""

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
from birads_zoo.evaluation.conformal import conformal_sets, read_conformal
from birads_zoo.evaluation.decisions import check_costs, read_cost
from birads_zoo.evaluation.folds import score_folds, spread_over_folds
from birads_zoo.evaluation.intervals import FEW, LEVEL, METHOD, Estimate, few_patients, intervals
from birads_zoo.evaluation.levels import read_levels
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.ordinal import read_errors
from birads_zoo.evaluation.positive import positive_numbers, read_positive
from birads_zoo.evaluation.recalibration import prior_shift, read_calibration, recalibrate
from birads_zoo.evaluation.resampling import clusters
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.subgroups import read_subgroups
from birads_zoo.evaluation.weighted import weighted_scores
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe
from birads_zoo.shortcuts.rungs import Rung
from birads_zoo.shortcuts.verdict import Verdict
from birads_zoo.training.fold import Fitted

JUDGED = ("macro_f1", "macro_auroc")
"""The metrics in which a network is held against the shortcuts."""

ABOUT = ("row", "image_path", "patient_id", "laterality", "view", "density", "age", "study_date")
"""What a prediction's row repeats of the index, so that subgroups can be read from it."""


def predictions_frame(data: Prepared, folds: Sequence[Fitted]) -> pd.DataFrame:
    """Return a row per predicted image and fold: the test rows and the validation rows of every fold.

    Columns: `ABOUT`, fold, part ("test" or "validation"), label, predicted, a probability per class as
    `probability_<class>`, and, where the fusion weighs a sample's views, how much each counted as `view_weight_<view>`
    (see `data.views.view_names`). A row is a sample: a breast's or an exam's has its first picture's row and path, and
    of the rest of `ABOUT` what all its pictures say, nothing where they differ. Across folds the test rows are
    out-of-fold predictions, each row once; a validation row can come up in several folds.
    """
    frames = [_frame(data, fitted, part) for part in ("test", "validation") for fitted in folds]
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def _frame(data: Prepared, fitted: Fitted, part: str) -> pd.DataFrame:
    positions = fitted.fold.test if part == "test" else fitted.fold.validation
    probabilities = fitted.test if part == "test" else fitted.validation
    weights = fitted.test_views if part == "test" else fitted.validation_views
    classes = np.array(data.labelled.classes)
    frame = data.labelled.index.rows.iloc[positions][list(ABOUT)].reset_index(drop=True)
    frame["fold"] = fitted.fold.number
    frame["part"] = part
    frame["label"] = classes[data.labelled.labels[positions]]
    frame["predicted"] = classes[probabilities.argmax(axis=1)]
    for k, name in enumerate(classes):
        frame[f"probability_{name}"] = probabilities[:, k]
    if weights is not None:
        for v, name in enumerate(data.samples.names):
            frame[f"view_weight_{name}"] = weights[:, v]
    return frame


def fitted_frame(predictions: pd.DataFrame, data: Prepared, recipe: Recipe) -> pd.DataFrame:
    """Return the test rows of `predictions_frame` with what was fitted on each fold's validation rows beside them.

    Two more columns per class: `calibrated_<class>`, its recalibrated probability (the network's own in a fold where
    nothing could be fitted), and `set_<class>`, whether it is in the row's conformal set. `predicted` and
    `probability_<class>` stay the network's.
    """
    test, validation = (predicted_rows(predictions, part, data, recipe) for part in ("test", "validation"))
    calibrated, _ = recalibrate(test, validation, class_shifts(data, recipe))
    sets, _ = conformal_sets(test, validation, recipe.evaluation.conformal_level)
    columns: dict[str, NDArray[Any]] = {f"calibrated_{name}": calibrated[:, k] for k, name in enumerate(test.classes)}
    columns |= {f"set_{name}": sets[:, k] for k, name in enumerate(test.classes)}
    return predictions[predictions["part"] == "test"].reset_index(drop=True).assign(**columns)


def labels_and_probabilities(
    predictions: pd.DataFrame, classes: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return class numbers (n,) and probabilities (n, K) of rows of `predictions_frame`."""
    numbers = {name: k for k, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in predictions["label"]], dtype=np.int64)
    probabilities: NDArray[np.float64] = predictions[[f"probability_{name}" for name in classes]].to_numpy(np.float64)
    return labels, probabilities


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
    metrics["level"] = data.labelled.target.level
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
        "levels": read_levels(test, evaluation.level_rule, same(), data.labelled.target.level),
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


def predicted_rows(predictions: pd.DataFrame, part: str, data: Prepared, recipe: Recipe) -> PredictedRows:
    """Return the rows of one part ("test" or "validation") of `predictions_frame` as what a reading takes."""
    rows = predictions[predictions["part"] == part]
    classes, target = data.labelled.classes, data.labelled.target
    labels, probabilities = labels_and_probabilities(rows, classes)
    return PredictedRows(
        labels=labels,
        probabilities=probabilities,
        patients=rows["patient_id"].to_numpy(dtype=np.str_),
        folds=rows["fold"].to_numpy(np.int64),
        about=rows[list(ABOUT)].reset_index(drop=True),
        classes=classes,
        ordinal=target.ordinal,
        positive=positive_numbers(recipe.evaluation.positive, target, classes),
    )


def class_shifts(data: Prepared, recipe: Recipe) -> dict[int, NDArray[np.float64]]:
    """Return how far the class shares that each fold's network learned from are from those of its training rows."""
    labels, count = data.labelled.labels, len(data.labelled.classes)
    sampler, weighted = recipe.training.sampler, recipe.loss.class_weights
    return {
        fold.number: prior_shift(np.bincount(labels[fold.train], minlength=count).tolist(), sampler, weighted)
        for fold in data.folds
    }


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
