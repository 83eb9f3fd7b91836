"""Recalibrates a network's probabilities: corrects for the data's class shares and fits a temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from birads_zoo.data.batches import SAMPLER_POWERS
from birads_zoo.evaluation.probabilities.applying import logarithms, recalibrated
from birads_zoo.evaluation.probabilities.calibration import losses, measure_calibration, proper_scores
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.intervals import estimates
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.probabilities import (
    Calibration,
    CalibrationErrors,
    CalibrationGain,
    Fit,
    FoldFit,
    Recalibration,
)

FEWEST_PATIENTS = 10
"""Validation patients that are needed to fit a temperature."""

_COLDEST, _HOTTEST = 0.1, 20.0
_NO_SHIFT = 1e-9

Floats = NDArray[np.float64]


def read_calibration(test: PredictedRows, validation: PredictedRows, shifts: Mapping[int, Floats]) -> Recalibration:
    """Return the calibration `before` and `after` `recalibrate`, and the gain.

    `gain` is paired by row, over patients (`intervals.estimates`). `temperature_only` has the errors with a temperature
    but without the prior shift; `None` where training had the data's shares. The test rows are not used to fit
    anything, nor to choose which probabilities count as calibrated.
    """
    after, fits = recalibrate(test, validation, shifts)
    fitted = any(fit.temperature is not None for fit in fits.values())
    shifted = any(np.abs(shift).max() > _NO_SHIFT for shift in shifts.values())

    def measured(probabilities: Floats) -> Calibration:
        return measure_calibration(test.labels, probabilities, test.patients, test.classes)

    def gained(sums: Floats) -> dict[str, Floats]:
        first, second = (proper_scores(each) for each in np.split(sums, 2, axis=1))
        return {name: first[name] - second[name] for name in ("brier", "log_loss")}

    both = np.column_stack([losses(test.labels, each) for each in (test.probabilities, after)])
    alone = None
    if fitted and shifted:
        probabilities, _ = recalibrate(test, validation, {fold: np.zeros_like(shift) for fold, shift in shifts.items()})
        errors = measured(probabilities)
        alone = CalibrationErrors(**{name: getattr(errors, name) for name in CalibrationErrors.__struct_fields__})
    return Recalibration(
        before=measured(test.probabilities),
        after=measured(after) if fitted else None,
        gain=CalibrationGain(**estimates(both, gained, test.patients)) if fitted else None,
        temperature_only=alone,
        folds=tuple(FoldFit(fold=fold, **asdict(fit)) for fold, fit in fits.items()),
    )


def recalibrate(
    test: PredictedRows, validation: PredictedRows, shifts: Mapping[int, Floats]
) -> tuple[Floats, dict[int, Fit]]:
    """Return recalibrated probabilities (n, K) of the test rows, and each fold's fit.

    Each fold's network gets the temperature of its own validation rows, and its `prior_shift` from `shifts`. A fold in
    which no temperature can be fitted keeps its probabilities as they are, also without the shift.
    """
    adjusted = test.probabilities.copy()
    fits: dict[int, Fit] = {}
    for fold, shift in shifts.items():
        own, rows = validation.folds == fold, test.folds == fold
        fit = fit_temperature(validation.labels[own], validation.probabilities[own], validation.patients[own], shift)
        if fit.temperature is not None:
            adjusted[rows] = recalibrated(test.probabilities[rows], fit.temperature, shift)
        fits[fold] = fit
    return adjusted, fits


def training_shares(counts: Sequence[int], sampler: str, class_weights: bool) -> Floats:
    """Return each class's share (K,) of the rows as the network saw them in training, from `counts` (K,) of rows.

    A sampler draws a class in proportion to a power of its count (`data.batches.plan_epoch`), and balanced class
    weights divide its weight by the count. The network's probabilities are those of Bayes' rule with these shares as
    prior, on two conditions. The loss multiplies each row by its class's weight, and it is proper for the probabilities
    that the loss's `Outputs` give: its mean is least where these are true. Every negative log-likelihood, such as
    cross-entropy and CORN, is proper; focal loss is not.
    """
    rows = np.asarray(counts, dtype=np.float64)
    power = SAMPLER_POWERS[sampler] - class_weights
    drawn = np.where(rows > 0, np.maximum(rows, 1) ** power, 0.0)
    shares: Floats = drawn / drawn.sum()
    return shares


def prior_shift(counts: Sequence[int], sampler: str, class_weights: bool) -> Floats:
    """Return log(share in the data / share in training) of each class (K,); 0 for a class without rows.

    Added to the log-probabilities, it replaces the training's prior by the data's (Saerens, Latinne and Decaestecker,
    "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural Computation 14, 2002, eq. 2.4).
    Assumption: only the classes' shares differ, not what a class looks like. Both shares are known from the training
    rows and the recipe. So nothing is estimated, and the paper's EM algorithm for unknown shares is not needed.
    """
    rows = np.asarray(counts, dtype=np.float64)
    ratio = np.ones(len(rows))
    np.divide(rows / rows.sum(), training_shares(counts, sampler, class_weights), out=ratio, where=rows > 0)
    return np.log(ratio)


def fit_temperature(labels: NDArray[np.int64], probabilities: Floats, patients: NDArray[np.str_], shift: Floats) -> Fit:
    """Fit the temperature T with which `recalibrated` probabilities make the labels (n,) likeliest.

    `probabilities` (n, K) are of rows that the network was not trained on; `shift` (K,) is from `prior_shift`, or 0.
    There is one parameter, and the negative log-likelihood is convex in 1/T (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017, sect. 4.2). No particular loss is assumed: log p takes the place of the logits. In a
    softmax network the two differ by a constant for each row; in an ordinal network the temperature is on the classes'
    log-probabilities. Nothing is fitted with fewer than 10 patients, with rows of only one class, or where no row is
    wrong, because then T → 0 fits best.
    """
    people = int(clusters(patients).max()) + 1 if len(labels) else 0
    reason = ""
    if people < FEWEST_PATIENTS:
        reason = f"{people} validation patients are too few: {FEWEST_PATIENTS} are needed"
    elif len(np.unique(labels)) < 2:
        reason = "its validation rows are of one class"
    elif (logarithms(probabilities).argmax(axis=1) == labels).all():
        reason = "no validation row is classified wrongly, so that no temperature is too low"
    if reason:
        return Fit(temperature=None, n=len(labels), patients=people, reason=reason)
    rows = np.arange(len(labels))

    def cost(coldness: float) -> float:
        scaled = recalibrated(probabilities, 1 / coldness, shift)[rows, labels]
        return float(-np.log(np.maximum(scaled, np.finfo(np.float64).tiny)).mean())

    best = minimize_scalar(cost, bounds=(1 / _HOTTEST, 1 / _COLDEST), method="bounded", options={"xatol": 1e-5})
    return Fit(temperature=float(1 / best.x), n=len(labels), patients=people)
