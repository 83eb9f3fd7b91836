"""The table of predictions has the classes' true chances, where a data set knows them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from birads_zoo.evaluation.best import decide
from birads_zoo.interfaces import Target, chance_column
from birads_zoo.runs.predictions import ABOUT, predictions_frame

TARGET = Target(
    name="suspicious", column="assessment", classes={"low": ("1", "2", "3"), "high": ("4", "5"), "known": ("6",)}
)


@pytest.fixture
def predicted():
    """Return a function that predicts four rows of two classes with given chances: `predicted({"4": [.2, …]})`."""

    def make(chances, target=TARGET):
        rows = {name: [""] * 4 for name in ABOUT}
        rows |= {"row": range(4), "age": np.nan}
        rows |= {chance_column("assessment", value): each for value, each in chances.items()}
        index = SimpleNamespace(rows=pd.DataFrame(rows))
        labelled = SimpleNamespace(index=index, classes=("low", "high"), labels=np.array([0, 1, 0, 1]), target=target)
        data = SimpleNamespace(labelled=labelled, samples=SimpleNamespace(names=("own",)))
        fold = SimpleNamespace(number=0, test=np.array([2, 0, 3, 1]), validation=np.array([], dtype=np.int64))
        fitted = SimpleNamespace(
            fold=fold, test=np.full((4, 2), 0.5), validation=np.zeros((0, 2)), test_views=None, validation_views=None
        )
        return predictions_frame(data, [fitted])

    return make


def test_chances_of_a_class_are_those_of_its_values_among_the_runs_classes(predicted):
    """Class "known" is left out of the run, so its share of a row's chances goes to the others in proportion."""
    frame = predicted({"1": [0.5, 0, 0, 1], "3": [0.1, 0.2, 0, 0], "5": [0.2, 0.2, 1, 0], "6": [0.2, 0.6, 0, 0]})
    assert frame["row"].tolist() == [2, 0, 3, 1]
    assert frame["known_low"].tolist() == pytest.approx([0, 0.75, 1, 0.5])
    assert frame["known_high"].tolist() == pytest.approx([1, 0.25, 0, 0.5])


@pytest.mark.parametrize(
    "chances", [{}, {"1": [1, 1, 1, np.nan], "4": [0, 0, 0, np.nan]}, {"1": [1, 1, 1, 0], "6": [0, 0, 0, 1]}]
)
def test_without_the_chances_of_every_row_there_are_none(predicted, chances):
    assert not [name for name in predicted(chances) if name.startswith("known_")]


def test_chances_of_another_column_are_not_used(predicted):
    frame = predicted({"1": [1, 0, 1, 0], "4": [0, 1, 0, 1]}, replace(TARGET, column="density"))
    assert not [name for name in frame if name.startswith("known_")]


def test_a_run_reports_the_best_possible_score_of_its_test_rows(finished):
    folder, result = finished
    test = pd.read_csv(folder / "predictions.csv")
    best = json.loads((folder / "metrics.json").read_text())["best"]
    classes = [name.removeprefix("known_") for name in test if name.startswith("known_")]
    assert classes == ["BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5"]
    labels = test["label"].map(classes.index)
    called = decide(test[[f"known_{name}" for name in classes]].to_numpy())
    assert best["macro_f1"]["value"] == pytest.approx(f1_score(labels, called, average="macro"))
    assert best["macro_f1"]["low"] < best["macro_f1"]["value"] < best["macro_f1"]["high"]
    assert f"best possible on these rows: macro-F1 {best['macro_f1']['value']:.3f} [" in result.out
