"""Defines the scores of one table of predictions: pooled, with intervals, and fold by fold."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from birads_zoo.results.estimate import Ends
from birads_zoo.results.pairs import Pairs

Metric = Literal["macro_f1", "macro_auroc", "balanced_accuracy", "accuracy", "kappa_quadratic"]
"""The scores that rank models and that each fold has, by their names in files and on the command line."""

METRICS: tuple[Metric, ...] = get_args(Metric)


class ClassMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One class against the rest. All values are in [0, 1] except `support`, the class's number of rows."""

    name: str
    precision: float  # 0 when the class is never predicted
    recall: float  # 0 when the class has no row
    f1: float
    auroc: float | None  # None when no fold has both rows of the class and other rows
    pooled_auroc: float | None  # across folds; None when no row, or every row, is of the class
    support: int


class MacroMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Unweighted means over the classes, in [0, 1]."""

    precision: float
    recall: float
    f1: float
    auroc: float | None  # over the classes that have one; None when none has
    pooled_auroc: float | None  # the same


class WeightedMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the classes, weighted by their rows, in [0, 1]."""

    precision: float
    recall: float
    f1: float


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The classification metrics of `n` rows. `birads_zoo.evaluation.metrics.evaluate` explains what each estimates.

    `accuracy` and `balanced_accuracy` are in [0, 1]. `kappa_quadratic` is in [−1, 1]; it is `None` if the classes have
    no order or it is 0/0. `confusion` counts rows by true class and then by predicted class, both in the order of
    `classes`.
    """

    n: int
    classes: tuple[str, ...]
    accuracy: float
    balanced_accuracy: float
    kappa_quadratic: float | None
    macro: MacroMetrics
    weighted: WeightedMetrics
    per_class: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def score(self, metric: Metric) -> float | None:
        """Return a metric by its name; `None` if it is undefined."""
        return {
            "macro_f1": self.macro.f1,
            "macro_auroc": self.macro.auroc,
            "balanced_accuracy": self.balanced_accuracy,
            "accuracy": self.accuracy,
            "kappa_quadratic": self.kappa_quadratic,
        }[metric]


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """The intervals of the metrics, at `level`, by `method`, from `resamples` patients that were each left out once.

    - `scores`: both ends by flat names such as "accuracy", "macro_f1", "weighted_recall" and "f1:BI-RADS 4"; `None` if
      there is no interval, as for a class of one or two patients.
    - `few`: the classes with fewer than `few_below` patients, and their numbers of patients. Their intervals and those
      of macro averages contain the true value less often than `level`.
    - `areas`: the numbers behind each class's ROC-AUC.
    """

    method: str
    level: float
    resamples: int
    few: dict[str, int]
    few_below: int
    scores: dict[str, Ends | None]
    areas: dict[str, Pairs] = {}  # {} in runs of older versions


class Measured(Metrics, frozen=True, kw_only=True):
    """The metrics of rows, with their intervals over patients."""

    intervals: Intervals


class FoldMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one fold's test rows: `n` rows of `patients` patients. `fold` counts from 0.

    `absent` names the classes without a row in the fold; they count as 0 in its macro-F1. `basis` has the numbers
    behind the class ROC-AUC with the fewest pairs. A score is `None` if undefined; units and ranges are as in
    `Metrics`.
    """

    fold: int
    n: int
    patients: int
    absent: tuple[str, ...]
    basis: Pairs | None = None  # of its macro_auroc; None in runs of older versions
    macro_f1: float | None
    macro_auroc: float | None
    balanced_accuracy: float | None
    accuracy: float | None
    kappa_quadratic: float | None

    def score(self, metric: Metric) -> float | None:
        """Return a metric by its name; `None` if it is undefined."""
        value: float | None = getattr(self, metric)
        return value


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A score's mean and standard deviation (n − 1) over folds.

    Both are `None` if the score of a fold is undefined. `sd` is also `None` for a single fold.
    """

    mean: float | None
    sd: float | None


class SpreadOverFolds(msgspec.Struct, frozen=True, kw_only=True):
    """The spread of each score over folds. It is no standard error: see `evaluation.folds.spread_over_folds`."""

    macro_f1: Spread
    macro_auroc: Spread
    balanced_accuracy: Spread
    accuracy: Spread
    kappa_quadratic: Spread

    def of(self, metric: Metric) -> Spread:
        """Return a metric's spread by its name."""
        value: Spread = getattr(self, metric)
        return value
