"""What stated probabilities and sets of classes are worth."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were given about the same probability: its mean, and the share of them that it came true for."""

    n: int
    patients: int
    predicted: float
    observed: Estimate


class ClassCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """One class: its mean probability less its share of the rows, and its reliability."""

    name: str
    excess: Estimate | None
    bins: tuple[Bin, ...]


class CalibrationErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How well probabilities foretell labels: see `evaluation.probabilities.calibration.measure_calibration`.

    `brier` is in [0, 2], `log_loss` from 0 on in nats, 0 being best; `brier_skill` is 1 at best, and 0 for the classes'
    shares. `bins` bins of equally many rows are what the errors `ece` and `classwise_ece` are means over. `ece` and
    `classwise_ece` are in [0, 1]; `…_if_calibrated` is what chance would make of them were the probabilities perfect.
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
    """These errors, and the points of the reliability diagrams of the predicted class and of every class."""

    top_label: tuple[Bin, ...]
    per_class: tuple[ClassCalibration, ...]


class CalibrationGain(msgspec.Struct, frozen=True, kw_only=True):
    """By how much recalibration lowered the scores, paired by row; positive is better."""

    brier: Estimate | None
    log_loss: Estimate | None


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A fold's temperature, from so many validation rows and patients; `None`, and the reason, where there is none.

    It lies in 0.1 … 20; at 20 the network tells its validation rows' classes no better than their shares do.
    """

    temperature: float | None
    n: int
    patients: int
    reason: str = ""


class FoldFit(Fit, frozen=True, kw_only=True):
    """The same of fold number `fold`, from 0."""

    fold: int


class Recalibration(msgspec.Struct, frozen=True, kw_only=True):
    """How calibrated the network's probabilities are `before` and `after` each fold's were recalibrated.

    `after` and `gain` are `None` where no fold could be fitted, `temperature_only` (the errors without the prior shift)
    also where training had the data's shares. See `birads_zoo.evaluation.probabilities.recalibration.read_calibration`.
    """

    before: Calibration
    after: Calibration | None
    gain: CalibrationGain | None
    temperature_only: CalibrationErrors | None
    folds: tuple[FoldFit, ...]


class ClassCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How often the sets hold one class: of its `n` rows from `patients` patients; `None` for no rows."""

    name: str
    n: int
    patients: int
    coverage: Estimate | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How often sets hold the true class, in [0, 1], of all rows and as a mean over patients; and their mean size.

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
    """A fold's threshold, from so many validation rows and patients; `None`, and the reason, where sets hold all."""

    fold: int
    threshold: float | None
    n: int
    patients: int
    reason: str = ""


class Conformal(Coverage, frozen=True, kw_only=True):
    """What sets made for `level` hold, how they are made (`score`), and why that is no guarantee (`caution`)."""

    level: float
    score: str
    caution: str
    folds: tuple[FoldThreshold, ...]
