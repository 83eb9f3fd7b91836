"""Rates of small and severe mistakes, where the classes have an order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.intervals import rate
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.readings import Errors


def read_errors(test: PredictedRows) -> Errors | None:
    """Return how often the predicted class is off by one step and by two or more.

    `None` where the classes have no order, and for two classes, where no error is severe.

    Rates over all n rows, correct ones included (`intervals.rate`):

    - `adjacent`: off by exactly one step of the classes' order; `severe`: off by two or more.
    - `severe_under`, `severe_over`: severe errors that are too low and too high; they add up to `severe`.

    What they estimate: the chance that the next image of this population, with its prevalence, is misread that far.
    A step leads to the next class of this run: where no row is of BI-RADS 2, BI-RADS 1 and 3 are adjacent. All severe
    errors count the same here; `kappa_quadratic` weighs them by their squared steps. 1 − `severe` is the "accuracy
    within 1" of Gaudette and Japkowicz, "Evaluation Methods for Ordinal Classification", Canadian AI 2009.
    """
    if not test.ordinal or len(test.classes) < 3:
        return None
    steps = test.probabilities.argmax(axis=1) - test.labels

    def share(matches: NDArray[np.bool_]) -> Estimate:
        estimate = rate(matches, test.patients)
        assert estimate is not None, "a run has test rows"
        return estimate

    return Errors(
        adjacent=share(np.abs(steps) == 1),
        severe=share(np.abs(steps) >= 2),
        severe_under=share(steps <= -2),
        severe_over=share(steps >= 2),
    )
