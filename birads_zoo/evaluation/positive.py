"""Scores of the positive classes, such as BI-RADS 4 and 5, against the rest."""

from __future__ import annotations

from collections.abc import Sequence

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
from birads_zoo.evaluation.pairs import count_pairs
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.intervals import ESTIMABLE, LEVEL, RESAMPLES
from birads_zoo.evaluation.statistics.resampling import cluster_weights, clusters, without_each
from birads_zoo.evaluation.statistics.shares import Share
from birads_zoo.evaluation.statistics.weighted import area
from birads_zoo.interfaces import Target
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.readings import Positive

LEVELS = (0.8, 0.9)
"""The specificities at which sensitivity is reported, and the sensitivities at which specificity is."""

Values = NDArray[np.float64]


def positive_numbers(names: Sequence[str], target: Target, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers in `classes` of the positive classes: those in `names` or, if empty, the target's own.

    () where the target names no positive class, or where all or none of this run's classes are positive by it. Raises
    `UserError` where `names` holds an unknown class, or all classes.
    """
    for name in names:
        if name not in classes:
            raise unknown_name("positive class", name, classes)
    numbers = tuple(k for k, name in enumerate(classes) if name in (names or target.positive))
    if len(numbers) < len(classes):
        return numbers
    if names:
        raise UserError("evaluation.positive names every class; leave out those that are negative")
    return ()


def positives_of(rows: PredictedRows) -> tuple[NDArray[np.bool_], Values]:
    """Return which rows are of a positive class (n,), and the rows' scores (n,), the sum of these probabilities."""
    chosen = list(rows.positive)
    return np.isin(rows.labels, chosen), rows.probabilities[:, chosen].sum(axis=1)


def read_positive(
    test: PredictedRows, generator: np.random.Generator, *, resamples: int = RESAMPLES
) -> Positive | None:
    """Return how well the positive classes are separated from the rest; `None` where no class is named positive.

    Its scores:

    - `auroc`: the chance that a random positive image scores higher than a random negative one that the same network
      predicted; ties count half. `pooled_auroc`: than any random negative image (`evaluation.metrics.evaluate`).
    - `average_precision`: see `curves.average_precision`; by chance the share of positives.
    - `sensitivity_at_specificity`: by specificity, the largest sensitivity of a threshold with at least that
      specificity; `specificity_at_sensitivity` likewise. They are points of the empirical ROC curve (Pepe, "The
      Statistical Evaluation of Medical Tests for Classification and Prediction", 2003, ch. 5).

    Intervals are those of `shares.Share`, the first three as areas; `None` with fewer than three patients with a
    positive image, or with a negative one. The last two have a threshold that is chosen on the rows that are reported.
    Leaving out one patient at a time does not show how much such a threshold varies, so their variance comes from
    resamples of whole patients, with a threshold for each resample. It is multiplied by p/(p − 1), where p is the
    number of patients with a positive image or with a negative one, whichever is smaller. The scores describe the
    curve. A fixed threshold on new images would meet its specificity only approximately. One threshold serves all
    folds, so their networks' scores are taken to be on one scale.

    Coverage by simulation: docs/intervals.md.
    """
    if not test.positive:
        return None
    positive, scores = positives_of(test)

    def readings(weights: Values) -> dict[str, Values]:
        caught, alarms = cumulated(positive, scores, weights)
        return (
            {"auroc": area(positive, scores, test.folds, weights), "pooled_auroc": area_under_roc(caught, alarms)}
            | {"average_precision": average_precision(caught, alarms)}
            | {f"sensitivity_at_specificity:{at}": sensitivity_at(at, caught, alarms) for at in LEVELS}
            | {f"specificity_at_sensitivity:{at}": specificity_at(at, caught, alarms) for at in LEVELS}
        )

    of = clusters(test.patients)
    sick, well = (len(np.unique(of[kind])) for kind in (positive, ~positive))
    once, without = readings(np.ones((1, len(positive)))), without_each(readings, test.patients)
    drawn = readings(cluster_weights(test.patients, resamples, generator))
    patients = min(sick, well)

    def estimated(name: str, rows: int, *, chosen: bool) -> Estimate | None:
        if patients < ESTIMABLE or not np.isfinite(once[name][0]):
            return None
        variance = float(np.nanvar(drawn[name])) * patients / max(patients - 1, 1) if chosen else None
        share = Share(
            value=float(once[name][0]),
            without=without[name],
            patients=patients,
            rows=rows,
            area=not chosen,
            variance=variance,
        )
        low, high = share.interval(LEVEL)
        return Estimate(value=share.value, low=max(low, 0.0), high=min(high, 1.0))

    def at_levels(name: str, kind: NDArray[np.bool_]) -> dict[str, Estimate | None]:
        return {str(at): estimated(f"{name}:{at}", int(kind.sum()), chosen=True) for at in LEVELS}

    return Positive(
        classes=tuple(test.classes[k] for k in test.positive),
        n=len(positive),
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        positive_patients=sick,
        negative_patients=well,
        auroc=estimated("auroc", len(positive), chosen=False),
        pooled_auroc=estimated("pooled_auroc", len(positive), chosen=False),
        average_precision=estimated("average_precision", len(positive), chosen=False),
        sensitivity_at_specificity=at_levels("sensitivity_at_specificity", positive),
        specificity_at_sensitivity=at_levels("specificity_at_sensitivity", ~positive),
        basis=count_pairs(positive, test.patients, test.folds),
    )
