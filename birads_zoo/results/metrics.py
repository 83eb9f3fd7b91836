"""The content of `metrics.json`: everything that is measured of a run."""

from __future__ import annotations

from typing import ClassVar, Literal

from birads_zoo.results.best import Best
from birads_zoo.results.probabilities import Conformal, Recalibration
from birads_zoo.results.readings import DecisionCosts, Errors, Levels, Positive
from birads_zoo.results.scores import FoldMetrics, Measured, SpreadOverFolds
from birads_zoo.results.shortcuts import Gains, ShortcutScore
from birads_zoo.results.subgroups import Subgroups


class RunMetrics(Measured, frozen=True, kw_only=True, omit_defaults=True):
    """What a run scored on its `n` test rows, each predicted by a network that never saw its patient, folds pooled.

    Shares and areas are in [0, 1], 1 being best. An `Estimate` has a value and both ends of its 95 % interval over
    patients. `None` means that a number is undefined on these rows, or that a reading does not apply to the target.

    - `n`, `patients`, `classes`, `target`, `level`, `split`, `leaky`, `folds`: what the numbers are of. `level` says
      what a row is: an image, a breast, or a patient at one exam. `leaky` says that patients stand on both sides of the
      split, or that rows without a patient id may, so that no number speaks of new patients; then `leak_proven` is
      false. `patients` counts those whose id is known.
    - `accuracy`, `balanced_accuracy`, `kappa_quadratic`, `macro`, `weighted`, `per_class`, `confusion`, `intervals`:
      the metrics and their intervals; an `auroc` compares rows of one fold, a `pooled_auroc` all; `per_fold` and
      `spread_over_folds`: the same fold by fold.
    - `shortcuts` and `gain`: what needs no look at the breast scores, by its name, and how much more the network does.
    - `errors`: how far off mistakes are; `None` for fewer than three classes or classes without order.
    - `positive`: the positive classes against the rest; `None` where no class is positive.
    - `cost`: what decisions cost; `None` where the recipe has no costs.
    - `subgroups`: scores by density, age, view, laterality, year and source, and within one source.
    - `levels`: scores of breasts and patients; `None` where no label is severer than another.
    - `calibration` and `conformal`: what the probabilities and the sets made from them are worth.
    - `best`: the best possible scores, where the data set knows its classes' chances; else `None`, and no key of the
      file.
    - `validation`: of a single fold with validation rows, the metrics of these, which may have chosen the epoch; else
      `None`, and no key of the file.
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
    leak_proven: bool = True  # false where a leak only cannot be ruled out
    folds: int
    patients: int
    target: str
    level: Literal["image", "breast", "patient"] = "image"
    best: Best | None = None
    validation: Measured | None = None
