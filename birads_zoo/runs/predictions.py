"""The table of predictions, from folds' probabilities, and what is read from its rows."""

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
"""What a prediction's row repeats of the index, so that subgroups can be read from it."""


def predictions_frame(data: Prepared, folds: Sequence[Fitted]) -> pd.DataFrame:
    """Return a row per predicted image and fold: the test rows and the validation rows of every fold.

    Columns: `ABOUT`, fold, part ("test" or "validation"), label, predicted, a probability per class as
    `probability_<class>`, the class's true chance as `known_<class>` where the data set knows it (`_known`), and, where
    the fusion weighs a sample's views, how much each counted as `view_weight_<view>` (`data.index.views.view_names`).
    A row is a sample: a breast's or an exam's has its first picture's row and path, and of the rest of `ABOUT` what all
    its pictures say, nothing where they differ. Across folds the test rows are out-of-fold predictions, each row
    once; a validation row can come up in several folds.
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
    """Return the true chances (n, K) of all samples' classes; `None` where those of one are unknown.

    They are those among the run's classes: a row is of one of them.
    """
    rows, target = data.labelled.index.rows, data.labelled.target
    chances = np.zeros((len(rows), len(data.labelled.classes)))
    for k, name in enumerate(data.labelled.classes):
        for value in (target.classes or {}).get(name, (name,)):
            if (column := chance_column(target.column, value)) in rows:
                chances[:, k] += rows[column].to_numpy(np.float64)
    total = chances.sum(axis=1, keepdims=True)
    return chances / total if (total > 0).all() else None  # NaN is not larger either


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


def predicted_rows(predictions: pd.DataFrame, part: str, data: Prepared, recipe: Recipe) -> PredictedRows:
    """Return the rows of one part ("test" or "validation") of `predictions_frame` as what a reading takes."""
    rows = predictions[predictions["part"] == part]
    classes, target = data.labelled.classes, data.labelled.target
    labels, probabilities = labels_and_probabilities(rows, classes)
    known = [f"known_{name}" for name in classes]
    return PredictedRows(
        labels=labels,
        probabilities=probabilities,
        patients=rows["patient_id"].to_numpy(dtype=np.str_),
        folds=rows["fold"].to_numpy(np.int64),
        about=rows.reindex(columns=list(ABOUT), fill_value="").reset_index(drop=True),  # older runs tell no source
        classes=classes,
        ordinal=target.ordinal,
        positive=positive_numbers(recipe.evaluation.positive, target, classes),
        known=rows[known].to_numpy(np.float64) if all(name in rows for name in known) else None,
    )


def class_shifts(data: Prepared, recipe: Recipe) -> dict[int, NDArray[np.float64]]:
    """Return how far the class shares that each fold's network learned from are from those of its training rows."""
    labels, count = data.labelled.labels, len(data.labelled.classes)
    sampler, weighted = recipe.training.sampler, recipe.loss.class_weights
    return {
        fold.number: prior_shift(np.bincount(labels[fold.train], minlength=count).tolist(), sampler, weighted)
        for fold in data.folds
    }
