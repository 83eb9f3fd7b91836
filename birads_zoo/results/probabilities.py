"""Defines the results of calibration and of conformal prediction sets."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with about the same predicted probability: its mean, and the observed share of rows."""

    n: int
    patients: int
    predicted: float
    observed: Estimate


class ClassCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """One class: its mean probability minus its share of the rows (`excess`), and its reliability `bins`."""

    name: str
    excess: Estimate | None
    bins: tuple[Bin, ...]


class CalibrationErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How well probabilities predict labels: see `evaluation.probabilities.calibration.measure_calibration`.

    `brier` is in [0, 2] and `log_loss` is at least 0, in nats; 0 is best. `brier_skill` is 1 at best, and 0 for the
    classes' shares. `ece` and `classwise_ece` are in [0, 1] and are means over `bins` bins of equally many rows.
    `…_if_calibrated` is their value by chance if the probabilities were perfect.
    """

    n: int
    patients: int
    brier: Estimate | None
    brier_skill: Estimate | None
    log_loss: Estimate | None
    bins: int
    ece: float
    ece_if_calibrated: float
    classwise_ece: float
    classwise_ece_if_calibrated: float


class Calibration(CalibrationErrors, frozen=True, kw_only=True):
    """The calibration errors, and the points of the reliability diagrams of the predicted class and of every class."""

    top_label: tuple[Bin, ...]
    per_class: tuple[ClassCalibration, ...]


class CalibrationGain(msgspec.Struct, frozen=True, kw_only=True):
    """By how much recalibration lowered the scores, paired by row; positive is better."""

    brier: Estimate | None
    log_loss: Estimate | None


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A fold's temperature, fitted on `n` validation rows of `patients` patients; `None` with a `reason` if it failed.

    It is in 0.1 … 20. At 20 the network predicts its validation rows' classes no better than their shares do.
    """

    temperature: float | None
    n: int
    patients: int
    reason: str = ""


class FoldFit(Fit, frozen=True, kw_only=True):
    """The temperature of fold number `fold`, from 0."""

    fold: int


class Recalibration(msgspec.Struct, frozen=True, kw_only=True):
    """The calibration of the network's probabilities `before` and `after` recalibration of each fold.

    `after` and `gain` are `None` if no fold could be fitted. `temperature_only` has the errors without the prior shift;
    it is `None` also if training had the data's shares. See
    `birads_zoo.evaluation.probabilities.recalibration.read_calibration`.
    """

    before: Calibration
    after: Calibration | None
    gain: CalibrationGain | None
    temperature_only: CalibrationErrors | None
    folds: tuple[FoldFit, ...]


class ClassCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """The share of a class's `n` rows, from `patients` patients, whose sets contain the class; `None` for no rows."""

    name: str
    n: int
    patients: int
    coverage: Estimate | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The share of sets that contain the true class, in [0, 1], over rows and over patients, and the sets' mean size.

    `sizes` counts rows by set size, 0 … K.
    """

    n: int
    patients: int
    coverage: Estimate
    coverage_by_patient: Estimate
    mean_size: Estimate
    sizes: tuple[int, ...]
    per_class: tuple[ClassCoverage, ...]


class FoldThreshold(msgspec.Struct, frozen=True, kw_only=True):
    """A fold's threshold, from `n` validation rows of `patients` patients; `None` with a `reason` if sets hold all."""

    fold: int
    threshold: float | None
    n: int
    patients: int
    reason: str = ""


class Conformal(Coverage, frozen=True, kw_only=True):
    """The coverage of sets made for `level`, how they are made (`score`), and why it is no guarantee (`caution`)."""

    level: float
    score: str
    caution: str
    folds: tuple[FoldThreshold, ...]
