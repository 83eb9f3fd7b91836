"""Scores of the positive classes, such as BI-RADS 4 and 5, against the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.evaluation.curves import average_precision, cumulated
from birads_zoo.evaluation.pairs import count_pairs
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics import weighted
from birads_zoo.evaluation.statistics.intervals import ESTIMABLE, LEVEL
from birads_zoo.evaluation.statistics.left_out import area_without_each, average_precision_without_each
from birads_zoo.evaluation.statistics.ranking import Ranking, rank
from birads_zoo.evaluation.statistics.resampling import Resamples, all_rows
from birads_zoo.evaluation.statistics.shares import Share
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


def read_positive(test: PredictedRows, resamples: Resamples) -> Positive | None:
    """Return how well the positive classes are separated from the rest; `None` where no class is named positive.

    `resamples` are of the rows' patients.

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

    of, one_fold = resamples.of, np.zeros_like(test.folds)
    sick, well = (len(np.unique(of[kind])) for kind in (positive, ~positive))
    patients = min(sick, well)

    def estimated(value: float, without: Values) -> Estimate | None:
        if patients < ESTIMABLE or not np.isfinite(value):
            return None
        return _limited(Share(value=value, without=without, patients=patients, rows=len(positive), area=True))

    def area(folds: NDArray[np.int64]) -> Estimate | None:
        once = weighted.area(positive, scores, folds, np.ones((1, len(positive))))
        return estimated(float(once[0]), area_without_each(positive, scores, folds, of))

    def at_levels(once: Values, drawn: Values, kind: NDArray[np.bool_]) -> dict[str, Estimate | None]:
        if patients < ESTIMABLE or not np.isfinite(once).all():
            return dict.fromkeys(map(str, LEVELS))
        variances = np.nanvar(drawn, axis=0) * patients / max(patients - 1, 1)
        rows = int(kind.sum())
        return {
            str(at): _limited(
                Share(value=float(value), without=None, patients=patients, rows=rows, variance=float(variance))
            )
            for at, value, variance in zip(LEVELS, once[0], variances, strict=True)
        }

    ranking = rank(positive, scores)
    once, drawn = _at_levels(ranking, all_rows(of)), _at_levels(ranking, resamples)
    return Positive(
        classes=tuple(test.classes[k] for k in test.positive),
        n=len(positive),
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        positive_patients=sick,
        negative_patients=well,
        auroc=area(test.folds),
        pooled_auroc=area(one_fold),
        average_precision=estimated(
            average_precision(*cumulated(positive, scores)), average_precision_without_each(positive, scores, of)
        ),
        sensitivity_at_specificity=at_levels(once[0], drawn[0], positive),
        specificity_at_sensitivity=at_levels(once[1], drawn[1], ~positive),
        basis=count_pairs(positive, test.patients, test.folds),
    )


def _at_levels(ranking: Ranking, resamples: Resamples) -> tuple[Values, Values]:
    """Return the sensitivities and the specificities (B, G) of resamples at the G `LEVELS`."""
    levels = np.array(LEVELS)
    read = [(block.sensitivities(1 - levels), block.reach(levels)[0]) for block in ranking.blocks(resamples)]
    sensitivities, specificities = (np.concatenate(parts) for parts in zip(*read, strict=True))
    return sensitivities, specificities


def _limited(share: Share) -> Estimate:
    low, high = share.interval(LEVEL)
    return Estimate(value=share.value, low=max(low, 0.0), high=min(high, 1.0))
