"""The figures committed under bench/results are those of the predictions committed beside them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from birads_zoo.files import documents
from birads_zoo.study.results import AblationStudy

RESULTS = Path(__file__).parents[1] / "bench" / "results"
STUDIES = {
    "mini-mias/abnormal": (322, 161),
    "mini-mias/finding": (322, 161),
    "ddsm-299/marked": (2315, 579),
    "ddsm-299/bilateral": (2315, 579),
    "ddsm-299/case": (729, 729),
    "ddsm-299/birads": (1177, 577),
}
"""The number of samples and patients of each."""


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/ablations.json")), ids=lambda path: path.parent.name)
def test_a_committed_study_is_what_was_written(path):
    assert documents.read(path, AblationStudy, "write it again").ablations


def area_by_fold(positive, scores, folds):
    """Return the area of one class against the rest: the mean of the folds' areas, weighted by their pairs."""
    areas, pairs = [], []
    for fold in np.unique(folds):
        rows = folds == fold
        areas.append(roc_auc_score(positive[rows], scores[rows]))
        pairs.append(positive[rows].sum() * (~positive[rows]).sum())
    return np.average(areas, weights=pairs)


def area_of(predictions, model, folds_of):
    """Return the mean over seeds and classes of a model's areas; `folds_of` names a seed's column of folds."""
    areas = []
    for seed in range(3):
        folds = predictions[folds_of(seed)].to_numpy()
        for column in (name for name in predictions if name.startswith(f"{model}, seed {seed}, ")):
            positive = (predictions["label"] == column.rpartition(", ")[2]).to_numpy()
            areas.append(area_by_fold(positive, predictions[column].to_numpy(), folds))
    return np.mean(areas)


@pytest.mark.parametrize("study", STUDIES)
def test_a_leaderboard_is_that_of_its_predictions(study):
    predictions = pd.read_csv(RESULTS / study / "predictions.csv", dtype={"patient_id": str})
    leaderboard = pd.read_csv(RESULTS / study / "leaderboard.csv").set_index("model")["ROC-AUC"]
    assert (len(predictions), predictions["patient_id"].nunique()) == STUDIES[study]
    for seed in range(3):
        sides = predictions.groupby("patient_id")[f"fold, seed {seed}"].nunique()
        assert (sides == 1).all(), "a patient's images are in two folds"
    for model, reported in leaderboard.items():
        assert area_of(predictions, model, "fold, seed {}".format) == pytest.approx(reported, abs=0.001), model


@pytest.mark.parametrize("target", ["marked", "birads"])
def test_leakage_is_that_of_its_predictions(target):
    folder = RESULTS / "ddsm-299" / f"leakage-{target}"
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    for split, row in pd.read_csv(folder / "leakage.csv").set_index("split").iterrows():
        model = f"mobilenet_v2@{split}"
        patients = predictions.groupby("patient_id")[[f"fold, {model}, seed {seed}" for seed in range(3)]].nunique()
        assert (patients == 1).all(axis=None) == (split == "patient")
        area = area_of(predictions, model, f"fold, {model}, seed {{}}".format)
        assert area == pytest.approx(row["score"], abs=0.001), split


@pytest.mark.parametrize("study", ["marked", "bilateral"])
def test_the_readings_of_ddsm_are_those_of_its_predictions(study):
    folder = RESULTS / "ddsm-299" / study
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    readings = json.loads((folder / "readings.json").read_text())
    film = readings["all women"]["mobilenet_v2"]["film"]
    assert (film["n"], film["women"]) == (2315, 579)
    assert area_of(predictions, "mobilenet_v2", "fold, seed {}".format) == pytest.approx(film["value"], abs=0.001)
    four = ["mobilenet_v2", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
    chances = predictions[[f"{name}, seed {seed}, marked" for name in four for seed in range(3)]].clip(1e-6, 1 - 1e-6)
    predictions["odds"] = np.log(chances / (1 - chances)).mean(axis=1)
    breasts = predictions.groupby(["patient_id", "laterality"])["odds"].mean().unstack()
    more_left = predictions["patient_id"].map((breasts["L"] - breasts["R"]).fillna(0))
    compared = more_left.where(predictions["laterality"] == "L", -more_left)
    marked = predictions["label"] == "marked"
    half = np.array([hashlib.sha256(woman.encode()).digest()[0] % 2 == 0 for woman in predictions["patient_id"]])
    for population, rows in {"women chosen on": half, "other women": ~half, "all women": half | ~half}.items():
        reported = readings[population][f"average of {', '.join(four)}"]["film, breasts compared"]
        assert roc_auc_score(marked[rows], compared[rows]) == pytest.approx(reported["value"], abs=0.001), population
        assert reported["n"] == rows.sum()
