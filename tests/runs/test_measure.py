from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from birads_zoo.interfaces import Target
from birads_zoo.recipe import Recipe
from birads_zoo.runs.measure import measure
from birads_zoo.runs.predictions import ABOUT
from birads_zoo.shortcuts.rungs import Rung


@pytest.mark.parametrize("ordinal", [True, False])
def test_the_targets_order_decides_about_the_quadratic_kappa(ordinal):
    classes = ("apple", "pear", "plum")
    predictions = pd.DataFrame(dict.fromkeys(ABOUT, ""), index=range(3))
    predictions = predictions.assign(part="test", fold=0, patient_id=["P1", "P2", "P3"], label=classes)
    for k, name in enumerate(classes):
        predictions[f"probability_{name}"] = [float(k == row) for row in range(3)]
    target = Target(name="fruit", column="label", classes=None, ordinal=ordinal)
    labelled = SimpleNamespace(classes=classes, target=target, labels=np.arange(3))
    folds = tuple(SimpleNamespace(number=number, train=np.arange(3)) for number in (0, 1))
    data = SimpleNamespace(labelled=labelled, folds=folds)
    rungs = (Rung(name="majority", summary="", probabilities=np.full((3, 3), 1 / 3)),)
    assert measure(predictions, data, Recipe(), rungs, {})["kappa_quadratic"] == (1.0 if ordinal else None)
