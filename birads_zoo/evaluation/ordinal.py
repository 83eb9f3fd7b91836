"""How far off the mistakes are where the classes have an order."""

from __future__ import annotations

from typing import Any

import numpy as np

from birads_zoo.evaluation.intervals import as_json, rate
from birads_zoo.evaluation.rows import PredictedRows


def read_errors(test: PredictedRows) -> dict[str, Any] | None:
    """Return how often the called class is off by one step and by two or more.

    `None` where the classes have no order, and for two, which know no severe error.

    Rates over all n rows, right ones included, each as value, low and high (`intervals.rate`):

    - `adjacent`: off by exactly one step of the classes' order; `severe`: off by two or more.
    - `severe_under`, `severe_over`: the severe ones by direction, called too low and too high; they add up to `severe`.

    What they estimate: the chances that the next image of this population, with its prevalence, is misread that far.
    A step leads to the next class of this run: where no row is of BI-RADS 2, BI-RADS 1 and 3 are adjacent. Mistakes
    of a kind count the same; `kappa_quadratic` weighs all by their squared steps. 1 − `severe` is the "accuracy within
    1" of Gaudette and Japkowicz, "Evaluation Methods for Ordinal Classification", Canadian AI 2009.
    """
    if not test.ordinal or len(test.classes) < 3:
        return None
    steps = test.probabilities.argmax(axis=1) - test.labels
    kinds = {
        "adjacent": np.abs(steps) == 1,
        "severe": np.abs(steps) >= 2,
        "severe_under": steps <= -2,
        "severe_over": steps >= 2,
    }
    return {name: as_json(rate(of_kind, test.patients)) for name, of_kind in kinds.items()}
