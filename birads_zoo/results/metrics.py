"""Defines the content of `metrics.json`: all measurements of a run."""

from __future__ import annotations

from typing import ClassVar, Literal

from birads_zoo.results.best import Best
from birads_zoo.results.probabilities import Conformal, Recalibration
from birads_zoo.results.readings import DecisionCosts, Errors, Levels, Positive
from birads_zoo.results.scores import FoldMetrics, Measured, SpreadOverFolds
from birads_zoo.results.shortcuts import Gains, ShortcutScore
from birads_zoo.results.subgroups import Subgroups


class RunMetrics(Measured, frozen=True, kw_only=True, omit_defaults=True):
    """A run's scores on its `n` test rows, folds pooled. Each row is predicted by a network that never saw its patient.

    Shares and areas are in [0, 1], 1 is best. An `Estimate` has a value and both ends of its 95 % interval over
    patients. `None` means that a number is undefined on these rows, or does not apply to the target.

    - `n`, `patients`, `classes`, `target`, `level`, `split`, `leaky`, `folds`: the rows that the numbers describe.
      `patients` counts those whose id is known. `level` is what a row is: an image, a breast, or a patient at one exam.
      `leaky` is true if patients are on both sides of the split, or if rows without a patient id may be; then no number
      holds for new patients. In the second case `leak_proven` is false.
    - `accuracy`, `balanced_accuracy`, `kappa_quadratic`, `macro`, `weighted`, `per_class`, `confusion`, `intervals`:
      the metrics and their intervals. An `auroc` compares rows of one fold, a `pooled_auroc` all rows.
    - `per_fold` and `spread_over_folds`: the same fold by fold.
    - `shortcuts` and `gain`: the scores of each shortcut by its name, and how much higher the network scores.
    - `errors`: how far off mistakes are; `None` for fewer than three classes, or classes without order.
    - `positive`: the positive classes against the rest; `None` if no class is positive.
    - `cost`: the cost of decisions; `None` if the recipe has no costs.
    - `subgroups`: scores by density, age, view, laterality, year and source, and within one source.
    - `levels`: scores of breasts and patients; `None` if no label is more severe than another.
    - `calibration` and `conformal`: the quality of the probabilities, and of the prediction sets made from them.
    - `best`: the best possible scores if the data set knows its classes' chances. Otherwise `None`, and no key in the
      file.
    - `validation`: for a single fold with validation rows, the metrics of these rows, which may have chosen the epoch.
      Otherwise `None`, and no key in the file.
    """

    FORMAT: ClassVar[int] = 2

    per_fold: tuple[FoldMetrics, ...]
    spread_over_folds: SpreadOverFolds
    shortcuts: dict[str, ShortcutScore]
    gain: Gains
    errors: Errors | None
    positive: Positive | None
    cost: DecisionCosts | None
    subgroups: Subgroups
    levels: Levels | None
    calibration: Recalibration
    conformal: Conformal
    split: str
    leaky: bool
    leak_proven: bool = True  # false if a leak is only possible
    folds: int
    patients: int
    target: str
    level: Literal["image", "breast", "patient"] = "image"
    best: Best | None = None
    validation: Measured | None = None
