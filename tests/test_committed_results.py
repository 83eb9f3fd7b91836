"""The figures committed under bench/results are those of the predictions committed beside them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

STUDIES = Path(__file__).parents[1] / "bench" / "results" / "mini-mias"


def area_by_fold(positive, scores, folds):
    """The area of one class against the rest: the mean of the folds' areas, weighted by their pairs."""
    areas, pairs = [], []
    for fold in np.unique(folds):
        rows = folds == fold
        areas.append(roc_auc_score(positive[rows], scores[rows]))
        pairs.append(positive[rows].sum() * (~positive[rows]).sum())
    return np.average(areas, weights=pairs)


@pytest.mark.parametrize("target", ["abnormal", "finding"])
def test_a_leaderboard_is_that_of_its_predictions(target):
    predictions = pd.read_csv(STUDIES / target / "predictions.csv", dtype={"patient_id": str})
    leaderboard = pd.read_csv(STUDIES / target / "leaderboard.csv").set_index("model")["ROC-AUC"]
    assert (len(predictions), predictions["patient_id"].nunique()) == (322, 161)
    for seed in range(3):
        sides = predictions.groupby("patient_id")[f"fold, seed {seed}"].nunique()
        assert (sides == 1).all(), "a patient's images lie in two folds"
    for model, reported in leaderboard.items():
        areas = []
        for seed in range(3):
            columns = [name for name in predictions if name.startswith(f"{model}, seed {seed}, ")]
            folds = predictions[f"fold, seed {seed}"].to_numpy()
            for column in columns:
                positive = (predictions["label"] == column.rpartition(", ")[2]).to_numpy()
                areas.append(area_by_fold(positive, predictions[column].to_numpy(), folds))
        assert np.mean(areas) == pytest.approx(reported, abs=0.001), model


def test_the_readings_of_ddsm_are_those_of_its_predictions():
    folder = STUDIES.parent / "ddsm-299" / "marked"
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    reported = json.loads((folder / "readings.json").read_text())["mobilenet_v2"]["all women"]["image"]
    assert (len(predictions), predictions["patient_id"].nunique()) == (reported["n"], reported["women"]) == (2315, 579)
    areas = []
    for seed in range(3):
        folds = predictions[f"fold, seed {seed}"].to_numpy()
        assert (predictions.groupby("patient_id")[f"fold, seed {seed}"].nunique() == 1).all()
        chances = predictions[f"mobilenet_v2, seed {seed}"].to_numpy()
        areas.append(area_by_fold(predictions["marked"].to_numpy(), chances, folds))
    assert np.mean(areas) == pytest.approx(reported["value"], abs=0.001)
