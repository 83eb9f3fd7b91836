"""The rows of predictions.csv as input of the evaluations."""

from types import SimpleNamespace

import pandas as pd

from birads_zoo.interfaces import Target
from birads_zoo.recipe import Recipe
from birads_zoo.runs.predictions import ABOUT, predicted_rows


def test_a_table_of_an_older_version_has_no_source():
    rows = pd.DataFrame(dict.fromkeys(ABOUT, "x"), index=[0]).assign(part="test", fold=0, label="a", patient_id="P")
    rows[["probability_a", "probability_b"]] = [0.75, 0.25]
    target = Target(name="label", column="label", classes=None)
    data = SimpleNamespace(labelled=SimpleNamespace(classes=("a", "b"), target=target))
    assert predicted_rows(rows, "test", data, Recipe()).about["source"].tolist() == ["x"]
    older = predicted_rows(rows.drop(columns="source"), "test", data, Recipe()).about
    assert list(older) == list(ABOUT)
    assert (older["source"].tolist(), older["view"].tolist()) == ([""], ["x"])
