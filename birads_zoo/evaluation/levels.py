"""Combines the predictions of images to one prediction per breast and per patient, by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.evaluation.positive import positives_of, read_positive
from birads_zoo.evaluation.rows import OutOfFold, PredictedRows
from birads_zoo.evaluation.statistics.intervals import RESAMPLES, intervals
from birads_zoo.evaluation.statistics.resampling import clusters, resample
from birads_zoo.results.readings import Levels, Units, UnitScores

Rule = Literal["mean", "max", "noisy-or"]

_SCORES = ("accuracy", "macro_f1", "macro_auroc", "kappa_quadratic")


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """U units (images, breasts or patients): labels (U,), probabilities (U, K), each unit's patient and fold (U,).

    A unit's fold is the fold of the network that predicted its images. If some unit has images of several networks, all
    folds are 0: the mixtures are then taken to be on one scale. `left_out` counts the images that belong to no unit,
    because their patient or, at the level of breasts, their side is unknown. At the level of images it is 0.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    patients: NDArray[np.str_]
    folds: NDArray[np.int64]
    left_out: int = 0

    @property
    def out_of_fold(self) -> OutOfFold:
        """The units' predictions, as those of one seed."""
        return OutOfFold(probabilities=self.probabilities[None], folds=self.folds[None])


def read_levels(test: PredictedRows, rule: Rule, generator: np.random.Generator, level: str = "image") -> Levels | None:
    """Return the scores of breasts and of patients; `None` where no label is severer than another.

    `level` says what the rows are (`interfaces.Target`). Rows that are exams are combined to patients as images are;
    `breast` is then `None`. Rows that are breasts, one per exam, are combined over the patient's exams.

    Rows are combined by `rule`, see `combine` and `whole_patients`; the intervals are by patients. A level without a
    unit is `None`, and so are macro scores where a class has no unit. Classes without order are read as the positive
    classes against the rest. With an order, a unit is positive if its severest label is.
    """
    if not test.ordinal and not test.positive:
        return None
    sides = test.about["laterality"].to_numpy(dtype=np.str_)
    labels, probabilities, classes, positive = test.labels, test.probabilities, test.classes, test.positive
    if not test.ordinal:
        is_positive, score = positives_of(test)
        labels, probabilities = is_positive.astype(np.int64), np.column_stack([1 - score, score])
        classes, positive = ("the rest", " or ".join(test.classes[k] for k in test.positive)), (1,)
    images = Level(labels=labels, probabilities=probabilities, patients=test.patients, folds=test.folds)

    def scored(level: Level) -> Units | None:
        return _scored(level, classes, positive, generator) if len(level.labels) else None

    # First: both draw from the generator.
    of_breasts = None if level == "patient" else scored(breasts(images, sides, rule))
    return Levels(rule=rule, breast=of_breasts, patient=scored(whole_patients(images, sides, rule)))


def _scored(level: Level, classes: tuple[str, ...], positive: tuple[int, ...], generator: np.random.Generator) -> Units:
    scores = intervals(level.labels, level.out_of_fold, level.patients, ordinal=True, names=_SCORES)
    if len(np.unique(level.labels)) < len(classes):
        scores |= {"macro_f1": None, "macro_auroc": None}  # they would be means over fewer classes than the images'
    rows = PredictedRows(
        labels=level.labels,
        probabilities=level.probabilities,
        patients=level.patients,
        folds=level.folds,
        about=pd.DataFrame(),
        classes=classes,
        ordinal=True,
        positive=positive,
    )
    return Units(
        n=len(level.labels),
        patients=int(clusters(level.patients).max()) + 1,
        left_out=level.left_out,
        labels={name: int((level.labels == k).sum()) for k, name in enumerate(classes)},
        scores=UnitScores(**scores),
        positive=read_positive(rows, resample(level.patients, RESAMPLES, generator)),
    )


def combine(probabilities: NDArray[np.float64], units: NDArray[np.int64], rule: Rule) -> NDArray[np.float64]:
    """Return the probabilities (U, K) of units, combined from the probabilities (n, K) of their n images.

    `units` (n,) holds each image's unit, 0 … U − 1. The K classes go from harmless to severe. Each rule combines the
    chances S(k) that the class is k or severer, and the classes' probabilities are S(k) − S(k + 1). So the same rule
    serves K classes and two classes, where S is the positive class's probability, and any cut between them.

    - "mean": the mean of S, which is the mean of the probabilities. The default: the views of one breast show the same
      tissue, each with its own noise. Averaging reduces that noise; the other two rules collect its peaks. In simulated
      patients it ranks best, or ties (see the tests).
    - "max": the largest S, cut by cut. With two classes this is the highest score. With more, it is the distribution
      of the severest of perfectly dependent labels (Fréchet's bound).
    - "noisy-or": 1 − Π(1 − S), the distribution of the severest of independent labels (Pearl, "Probabilistic
      Reasoning in Intelligent Systems", 1988, ch. 4.3). Two views of one lesion are not independent, so it is too
      high, and the more images there are, the more so.
    """
    severer = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
    rows = np.bincount(units)
    if rule == "mean":
        combined = np.zeros((len(rows), severer.shape[1]))
        np.add.at(combined, units, severer)
        combined /= rows[:, None]
    elif rule == "max":
        combined = np.zeros((len(rows), severer.shape[1]))
        np.maximum.at(combined, units, severer)
    else:
        logs = np.zeros((len(rows), severer.shape[1]))
        with np.errstate(divide="ignore"):  # a chance of 1 stays 1
            np.add.at(logs, units, np.log1p(-np.minimum(severer, 1)))
        combined = -np.expm1(logs)
    combined[:, 0] = 1
    return np.maximum(combined - np.pad(combined[:, 1:], ((0, 0), (0, 1))), 0)


def breasts(images: Level, sides: NDArray[np.str_], rule: Rule) -> Level:
    """Combine n images to breasts. A breast's label is the severest of its images' labels.

    Patients and `sides` (n,) are "" where unknown; such images belong to no breast and are left out. A patient's exams
    are not kept apart, and images count the same whichever network predicted them.
    """
    known = _known(images.patients) & _known(sides)
    return _combined(images, _pairs(images.patients, sides), known, rule)


def whole_patients(images: Level, sides: NDArray[np.str_], rule: Rule) -> Level:
    """Combine n images to patients. A patient's label is the severest of her images' labels.

    Images are first combined to breasts by `rule`; a patient's images of unknown side count as one more breast. Then
    the breasts are combined to the patient. If the rule is "mean" this is done by "max", because a patient's label is
    that of her severest breast and a healthy breast says nothing about the other. Otherwise it is done by `rule`.
    Images without a patient are left out.
    """
    sided = _combined(images, _pairs(images.patients, sides), _known(images.patients), rule)
    over_breasts: Rule = "max" if rule == "mean" else rule
    return _combined(sided, sided.patients, _known(sided.patients), over_breasts)


def _combined(parts: Level, names: NDArray[np.str_], known: NDArray[np.bool_], rule: Rule) -> Level:
    """Combine the `known` parts (U,) to units; parts with the same name are one unit."""
    _, first, units = np.unique(names[known], return_index=True, return_inverse=True)
    severest = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(severest, units, parts.labels[known])
    folds = parts.folds[known][first]
    together = np.array_equal(folds[units], parts.folds[known])
    return Level(
        labels=severest,
        probabilities=combine(parts.probabilities[known], units, rule),
        patients=parts.patients[known][first],
        folds=folds if together else np.zeros_like(folds),
        left_out=parts.left_out + int((~known).sum()),
    )


def _known(names: NDArray[np.str_]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.char.strip(names) != ""
    return known


def _pairs(patients: NDArray[np.str_], sides: NDArray[np.str_]) -> NDArray[np.str_]:
    """Name each row's breast. A line break, which no id in a table's cell has, keeps "P1"+"1" and "P"+"11" apart."""
    pairs: NDArray[np.str_] = np.char.add(np.char.add(patients, "\n"), sides)
    return pairs
