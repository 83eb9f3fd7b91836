"""Test data for the evaluations: rows given by hand, and simulated patients with several dependent images."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.evaluation.rows import PredictedRows

ABOUT = {"density": "", "age": np.nan, "view": "", "laterality": "", "study_date": "", "source": ""}


@pytest.fixture
def rows():
    """Return a function that makes predicted rows: `rows(labels, probabilities, patients=…, positive=…, density=…)`."""

    def make(labels, probabilities, *, patients=None, classes=None, ordinal=True, positive=(), **about):
        labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
        n, k = probabilities.shape
        return PredictedRows(
            labels=labels,
            probabilities=probabilities,
            patients=np.array([str(i) for i in (range(n) if patients is None else patients)]),
            folds=np.zeros(n, dtype=np.int64),
            about=pd.DataFrame(ABOUT | about, index=range(n)),
            classes=classes or tuple("abcdefg"[:k]),
            ordinal=ordinal,
            positive=positive,
        )

    return make


@pytest.fixture
def patients():
    """Simulate patients with 1 to 4 images: `patients(generator, 80)` → each image's patient, truth and score.

    40 % of the patients are positive. A score is normal: 1.5 for positive images, plus a patient's effect (sd 0.7) and
    noise (sd 1), so that the area under the ROC curve is Φ(1.5 / √(2 · 1.49)) = 0.8075.
    """

    def draw(generator, count, skill=1.5):
        of = np.repeat(np.arange(count), generator.integers(1, 5, count))
        positive = (generator.random(count) < 0.4)[of]
        return of, positive, skill * positive + generator.normal(0, 0.7, count)[of] + generator.normal(0, 1, len(of))

    return draw
