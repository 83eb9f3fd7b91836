"""From folds' probabilities to the table of predictions and the metrics that are reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.prepare import Prepared
from birads_zoo.data.splits import is_leaky
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.recipe import Recipe
from birads_zoo.training.fold import Fitted


def predictions_frame(data: Prepared, folds: Sequence[Fitted]) -> pd.DataFrame:
    """Return a row per predicted image: test rows of all folds, and validation rows where a split has but one fold.

    Columns: row, image_path, patient_id, fold, part ("test" or "validation"), label, predicted, and a probability
    per class as `probability_<class>`. Across folds the test rows are out-of-fold predictions: each row once.
    """
    single = len(folds) == 1
    frames = []
    for fitted in folds:
        frames.append(_frame(data, fitted, "test"))
        if single and len(fitted.fold.validation):
            frames.append(_frame(data, fitted, "validation"))
    return pd.concat(frames, ignore_index=True)


def _frame(data: Prepared, fitted: Fitted, part: str) -> pd.DataFrame:
    positions = fitted.fold.test if part == "test" else fitted.fold.validation
    probabilities = fitted.test if part == "test" else fitted.validation
    classes = np.array(data.labelled.classes)
    frame = data.labelled.index.rows.iloc[positions][["row", "image_path", "patient_id"]].reset_index(drop=True)
    frame["fold"] = fitted.fold.number
    frame["part"] = part
    frame["label"] = classes[data.labelled.labels[positions]]
    frame["predicted"] = classes[probabilities.argmax(axis=1)]
    for k, name in enumerate(classes):
        frame[f"probability_{name}"] = probabilities[:, k]
    return frame


def labels_and_probabilities(
    predictions: pd.DataFrame, classes: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return class numbers (n,) and probabilities (n, K) of rows of `predictions_frame`."""
    numbers = {name: k for k, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in predictions["label"]], dtype=np.int64)
    probabilities: NDArray[np.float64] = predictions[[f"probability_{name}" for name in classes]].to_numpy(np.float64)
    return labels, probabilities


def measure(predictions: pd.DataFrame, data: Prepared, recipe: Recipe) -> dict[str, Any]:
    """Return the content of `metrics.json`: the metrics of the test rows, and how the split was made.

    The split `paper` also gets `validation`: the same metrics on the rows that the paper reported, which had
    chosen the epoch.
    """
    test = predictions[predictions["part"] == "test"]
    metrics = _measured(test, data)
    metrics["split"] = recipe.split.scheme
    metrics["leaky"] = is_leaky(recipe.split.scheme)
    metrics["folds"] = len(data.folds)
    metrics["patients"] = int(test["patient_id"].nunique())
    metrics["target"] = data.labelled.target.name
    if len(data.folds) == 1 and (validation := predictions[predictions["part"] == "validation"]).size:
        metrics["validation"] = _measured(validation, data)
    return metrics


def _measured(rows: pd.DataFrame, data: Prepared) -> dict[str, Any]:
    classes, target = data.labelled.classes, data.labelled.target
    return evaluate(*labels_and_probabilities(rows, classes), classes, ordinal=target.ordinal).to_dict()
