"""The binary reading: the classes that a reader wants found, such as BI-RADS 4 and 5, against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.evaluation.curves import (
    area_under_roc,
    average_precision,
    cumulated,
    sensitivity_at,
    specificity_at,
)
from birads_zoo.evaluation.intervals import RESAMPLES, as_json, estimates, of_rate
from birads_zoo.evaluation.resampling import clusters
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.interfaces import Target

LEVELS = (0.8, 0.9)
"""The specificities, and the sensitivities, at which the other one is told."""

Values = NDArray[np.float64]


def positive_numbers(asked: Sequence[str], target: Target, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers in `classes` of the positive ones: those `asked` for, else the target's own.

    () where the target names none, or all or none of those it names are among this run's classes. Raises `UserError`
    where `asked` holds an unknown class, or all classes.
    """
    for name in asked:
        if name not in classes:
            raise unknown_name("positive class", name, classes)
    numbers = tuple(k for k, name in enumerate(classes) if name in (asked or target.positive))
    if len(numbers) < len(classes):
        return numbers
    if asked:
        raise UserError("evaluation.positive names every class; leave out those that are negative")
    return ()


def positives_of(rows: PredictedRows) -> tuple[NDArray[np.bool_], Values]:
    """Return which rows are of a positive class (n,), and their score (n,): the sum of these classes' probabilities."""
    chosen = list(rows.positive)
    return np.isin(rows.labels, chosen), rows.probabilities[:, chosen].sum(axis=1)


def read_positive(
    test: PredictedRows, generator: np.random.Generator, *, resamples: int = RESAMPLES
) -> dict[str, Any] | None:
    """Return how well the positive classes are told from the rest; `None` where nobody said which are positive.

    `classes`, `n` images, `positives` and `negatives` among them, and how many patients have one; and, each as value,
    low and high (`intervals.estimates`, and `of_rate` for the last two):

    - `auroc`: the chance that a random positive image scores higher than a random negative one, ties counting half.
    - `average_precision`: see `curves.average_precision`; by chance the share of positives.
    - `sensitivity_at_specificity`: by specificity, the largest sensitivity of a threshold that keeps it;
      `specificity_at_sensitivity` likewise. They are points of the empirical ROC curve (Pepe, "The Statistical
      Evaluation of Medical Tests for Classification and Prediction", 2003, ch. 5).

    A threshold is chosen on the rows that are reported, and anew in every resample, so the intervals (BCa, as Platt,
    Hanley and Yang advise for such sensitivities, Statistics in Medicine 19, 2000) hold its uncertainty. They speak of
    the curve, not of one fixed threshold used on new images, which would meet its specificity only about. One threshold
    serves all folds, so their networks' scores are taken to be on one scale.

    Coverage of the true value measured at 95 %, 400 simulated samples of 80 patients (40 % positive) with 1 to 4
    dependent images: where the true area is 0.81, auroc 0.963, average precision 0.960, the sensitivities and
    specificities 0.940 to 0.968; where it is 0.96: 0.965, 0.932, and 0.948 to 0.960. In 300 samples of 300 patients:
    0.940, 0.920, and 0.933 to 0.937.
    """
    if not test.positive:
        return None
    positive, scores = positives_of(test)

    def readings(weights: Values) -> dict[str, Values]:
        caught, alarms = cumulated(positive, scores, weights)
        return (
            {"auroc": area_under_roc(caught, alarms), "average_precision": average_precision(caught, alarms)}
            | {f"sensitivity_at_specificity:{at}": sensitivity_at(at, caught, alarms) for at in LEVELS}
            | {f"specificity_at_sensitivity:{at}": specificity_at(at, caught, alarms) for at in LEVELS}
        )

    found = estimates(readings, test.patients, generator, resamples=resamples)
    of = clusters(test.patients)
    sick, well = (len(np.unique(of[kind])) for kind in (positive, ~positive))
    return {
        "classes": [test.classes[k] for k in test.positive],
        "n": len(positive),
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
        "positive_patients": sick,
        "negative_patients": well,
        "auroc": as_json(found["auroc"]),
        "average_precision": as_json(found["average_precision"]),
        **{
            name: {str(at): as_json(of_rate(found[f"{name}:{at}"], patients)) for at in LEVELS}
            for name, patients in (("sensitivity_at_specificity", sick), ("specificity_at_sensitivity", well))
        },
    }
