"""Makes the table of predictions from the folds' probabilities, and reads its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.prepare import Prepared
from birads_zoo.evaluation.positive import positive_numbers
from birads_zoo.evaluation.probabilities.conformal import conformal_sets
from birads_zoo.evaluation.probabilities.recalibration import prior_shift, recalibrate
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.interfaces import chance_column
from birads_zoo.recipe import Recipe
from birads_zoo.training.fold import Fitted

ABOUT = ("row", "image_path", "patient_id", "laterality", "view", "density", "age", "study_date", "source")
"""The index's columns that a prediction's row repeats, so that subgroups can be evaluated."""


def predictions_frame(data: Prepared, folds: Sequence[Fitted]) -> pd.DataFrame:
    """Return a row per predicted image and fold: the test rows and the validation rows of every fold.

    Columns: `ABOUT`, fold, part ("test" or "validation"), label, predicted, and each class's probability as
    `probability_<class>`. Where the data set knows the class's true chance, it is `known_<class>` (`_known`). Where the
    fusion weighs a sample's views, the weights are `view_weight_<view>` (`data.index.views.view_names`).

    A row is a sample. A breast or exam has the row and path of its first picture; the rest of `ABOUT` is what all its
    pictures agree on, and empty where they differ. Across folds the test rows are out-of-fold predictions, each row
    once; a validation row can be in several folds.
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
    known = _known(data)
    if known is not None:
        for k, name in enumerate(classes):
            frame[f"known_{name}"] = known[positions, k]
    if weights is not None:
        for v, name in enumerate(data.samples.names):
            frame[f"view_weight_{name}"] = weights[:, v]
    return frame


def _known(data: Prepared) -> NDArray[np.float64] | None:
    """Return the true chances (n, K) of all samples' classes; `None` if those of any sample are unknown.

    They are normalised over the run's classes, because each row is of one of these.
    """
    rows, target = data.labelled.index.rows, data.labelled.target
    chances = np.zeros((len(rows), len(data.labelled.classes)))
    for k, name in enumerate(data.labelled.classes):
        for value in (target.classes or {}).get(name, (name,)):
            if (column := chance_column(target.column, value)) in rows:
                chances[:, k] += rows[column].to_numpy(np.float64)
    total = chances.sum(axis=1, keepdims=True)
    return chances / total if (total > 0).all() else None  # also `None` for NaN, which is not larger than 0


def fitted_frame(predictions: pd.DataFrame, data: Prepared, recipe: Recipe) -> pd.DataFrame:
    """Return the test rows of `predictions_frame` with what was fitted on each fold's validation rows.

    There are two more columns per class: `calibrated_<class>`, its recalibrated probability (the network's own in a
    fold where nothing could be fitted), and `set_<class>`, whether it is in the row's conformal set. `predicted` and
    `probability_<class>` are still the network's.
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
    """Return class numbers (n,) and probabilities (n, K) of rows of `predictions_frame`.

    Raises:
        ValueError: if a probability is infinite or NaN.

    """
    numbers = {name: k for k, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in predictions["label"]], dtype=np.int64)
    probabilities: NDArray[np.float64] = predictions[[f"probability_{name}" for name in classes]].to_numpy(np.float64)
    if not np.isfinite(probabilities).all():
        raise ValueError("some probabilities are infinite or NaN")
    return labels, probabilities


def predicted_rows(predictions: pd.DataFrame, part: str, data: Prepared, recipe: Recipe) -> PredictedRows:
    """Return the rows of one part ("test" or "validation") of `predictions_frame` as input of the evaluations."""
    rows = predictions[predictions["part"] == part]
    classes, target = data.labelled.classes, data.labelled.target
    labels, probabilities = labels_and_probabilities(rows, classes)
    known = [f"known_{name}" for name in classes]
    return PredictedRows(
        labels=labels,
        probabilities=probabilities,
        patients=rows["patient_id"].to_numpy(dtype=np.str_),
        folds=rows["fold"].to_numpy(np.int64),
        about=rows.reindex(columns=list(ABOUT), fill_value="").reset_index(drop=True),  # older runs have no source
        classes=classes,
        ordinal=target.ordinal,
        positive=positive_numbers(recipe.evaluation.positive, target, classes),
        known=rows[known].to_numpy(np.float64) if all(name in rows for name in known) else None,
    )


def class_shifts(data: Prepared, recipe: Recipe) -> dict[int, NDArray[np.float64]]:
    """Return each fold's prior shift, from the class shares its network was trained with to those of its rows."""
    labels, count = data.labelled.labels, len(data.labelled.classes)
    sampler, weighted = recipe.training.sampler, recipe.loss.class_weights
    return {
        fold.number: prior_shift(np.bincount(labels[fold.train], minlength=count).tolist(), sampler, weighted)
        for fold in data.folds
    }
