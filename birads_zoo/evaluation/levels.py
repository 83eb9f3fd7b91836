"""From images to breasts to patients: one prediction and one label for each, by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.evaluation.positive import positives_of, read_positive
from birads_zoo.evaluation.rows import OutOfFold, PredictedRows
from birads_zoo.evaluation.statistics.intervals import intervals
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.readings import Levels, Units, UnitScores

Rule = Literal["mean", "max", "noisy-or"]

_SCORES = ("accuracy", "macro_f1", "macro_auroc", "kappa_quadratic")


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """U units (images, breasts or patients): labels (U,), probabilities (U, K), each unit's patient and fold (U,).

    A unit's fold is that of the network that predicted its images; all are 0 where some unit has images of several
    networks, whose mixtures are taken to be on one scale. `left_out` images could not be told apart by unit: their
    patient, or at the level of breasts their side, is unknown. Of images themselves none is.
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

    `level` is what the rows are (`interfaces.Target`). Exams of a patient are combined as her images are; there is
    nothing finer than them, so `breast` is `None`. Breasts are a patient's at one exam each, and combined over hers.

    Rows are combined by `rule`, see `combine` and `whole_patients`; the intervals are by patients. A level without a
    unit is `None`, and so are macro scores where a class has no unit. Classes without order are read as the positive
    ones against the rest; with an order, a unit is positive if its severest label is.
    """
    if not test.ordinal and not test.positive:
        return None
    sides = test.about["laterality"].to_numpy(dtype=np.str_)
    labels, probabilities, classes, positive = test.labels, test.probabilities, test.classes, test.positive
    if not test.ordinal:
        found, score = positives_of(test)
        labels, probabilities = found.astype(np.int64), np.column_stack([1 - score, score])
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
        scores |= {"macro_f1": None, "macro_auroc": None}  # means over other classes than those of the images
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
        positive=read_positive(rows, generator),
    )


def combine(probabilities: NDArray[np.float64], units: NDArray[np.int64], rule: Rule) -> NDArray[np.float64]:
    """Return (U, K): probabilities of what the n images (n, K) of each unit, numbered 0 … U − 1, say together.

    The K classes go from harmless to severe. Each rule combines the chances S(k) that the class is k or severer, and
    the classes' probabilities are S(k) − S(k + 1); so one and the same rule serves two classes, where S is the positive
    class's probability, and K, and any cut between them.

    - "mean": the mean of S, which is the mean of the probabilities. The default, because the views of one breast see
      the same tissue with noise of their own: averaging takes noise away, where the other two collect its peaks. In
      simulated patients it ranks best, or ties (its tests).
    - "max": the largest S, cut by cut. With two classes the highest score; else the distribution of the severest of
      labels that go together perfectly (Fréchet's bound).
    - "noisy-or": 1 − Π(1 − S), the distribution of the severest of independent labels (Pearl, "Probabilistic
      Reasoning in Intelligent Systems", 1988, ch. 4.3). Two views of one lesion are not independent, so it says too
      much, the more the more images there are.
    """
    severer = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
    rows = np.bincount(units)
    if rule == "mean":
        found = np.zeros((len(rows), severer.shape[1]))
        np.add.at(found, units, severer)
        found /= rows[:, None]
    elif rule == "max":
        found = np.zeros((len(rows), severer.shape[1]))
        np.maximum.at(found, units, severer)
    else:
        logs = np.zeros((len(rows), severer.shape[1]))
        with np.errstate(divide="ignore"):  # a chance of 1 stays 1
            np.add.at(logs, units, np.log1p(-np.minimum(severer, 1)))
        found = -np.expm1(logs)
    found[:, 0] = 1
    return np.maximum(found - np.pad(found[:, 1:], ((0, 0), (0, 1))), 0)


def breasts(images: Level, sides: NDArray[np.str_], rule: Rule) -> Level:
    """Combine n images to breasts, of which each is labelled with the severest of its images' labels.

    Patients and `sides` (n,) are "" where unknown; such images belong to no breast and are left out. All exams of a
    patient are one. Images that several networks predicted are taken alike.
    """
    known = _known(images.patients) & _known(sides)
    return _combined(images, _pairs(images.patients, sides), known, rule)


def whole_patients(images: Level, sides: NDArray[np.str_], rule: Rule) -> Level:
    """Combine n images to patients, of which each is labelled with the severest of her images' labels.

    First to breasts by `rule` (a patient's images of unknown side are as one more breast), then these to the patient:
    by "max" if the rule is "mean", since it is her severest breast that her label tells of and a healthy breast says
    nothing of the other; else by the same rule. Images without a patient are left out.
    """
    sided = _combined(images, _pairs(images.patients, sides), _known(images.patients), rule)
    over_breasts: Rule = "max" if rule == "mean" else rule
    return _combined(sided, sided.patients, _known(sided.patients), over_breasts)


def _combined(parts: Level, names: NDArray[np.str_], known: NDArray[np.bool_], rule: Rule) -> Level:
    """Combine the parts (U,) that are `known` to units: those of one name are one."""
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
    """Name each row's breast; a line break, which no id in a table's cell has, keeps "P1"+"1" from "P"+"11"."""
    pairs: NDArray[np.str_] = np.char.add(np.char.add(patients, "\n"), sides)
    return pairs
