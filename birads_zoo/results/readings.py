"""Defines further results on a run's test rows: severity of mistakes, positive classes, costs, breasts, patients."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """How far off mistakes are, as shares of all rows: see `birads_zoo.evaluation.ordinal.read_errors`.

    - `adjacent`: predictions one step off in the classes' order.
    - `severe`: predictions two or more steps off.
    - `severe_under`, `severe_over`: severe predictions that are too low, or too high.
    """

    adjacent: Estimate
    severe: Estimate
    severe_under: Estimate
    severe_over: Estimate


class Positive(msgspec.Struct, frozen=True, kw_only=True):
    """The positive `classes` against the rest: see `birads_zoo.evaluation.positive.read_positive`.

    `positives` and `negatives` count images, `positive_patients` and `negative_patients` the patients who have one. The
    scores are in [0, 1], `None` with fewer than three patients of either kind. Scores at a specificity or sensitivity
    have it as their key ("0.8", "0.9"). `basis` has the numbers behind the areas.
    """

    classes: tuple[str, ...]
    n: int
    positives: int
    negatives: int
    positive_patients: int
    negative_patients: int
    auroc: Estimate | None
    pooled_auroc: Estimate | None
    average_precision: Estimate | None
    sensitivity_at_specificity: dict[str, Estimate | None]
    specificity_at_sensitivity: dict[str, Estimate | None]
    basis: Pairs | None = None  # None in runs of older versions


class DecisionCosts(msgspec.Struct, frozen=True, kw_only=True):
    """The mean cost of an image, in the unit of `matrix`: see `birads_zoo.evaluation.decisions.read_cost`.

    `matrix` has a row per true class and a column per predicted class. `argmax` predicts the most probable class,
    `minimising` the class with the least expected cost. `saved` is their difference. `constant` always predicts
    `constant_class`.
    """

    matrix: tuple[tuple[float, ...], ...]
    argmax: Estimate | None
    minimising: Estimate | None
    saved: Estimate | None
    constant: Estimate | None
    constant_class: str


class UnitScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of breasts or of patients, like those of images in `results.scores.Metrics`; `None` if undefined."""

    accuracy: Estimate | None
    macro_f1: Estimate | None
    macro_auroc: Estimate | None
    kappa_quadratic: Estimate | None


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """`n` breasts or patients, whose images were combined to one prediction each.

    They belong to `patients` patients. `left_out` images could not be assigned to a unit. `labels` counts the units of
    each class. `positive` is `None` if no class is positive.
    """

    n: int
    patients: int
    left_out: int
    labels: dict[str, int]
    scores: UnitScores
    positive: Positive | None


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of breasts and of patients, images combined by `rule`: see `birads_zoo.evaluation.levels.read_levels`.

    A level is `None` if no image's breast or patient is known.
    """

    rule: str
    breast: Units | None
    patient: Units | None
