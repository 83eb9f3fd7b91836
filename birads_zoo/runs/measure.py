"""Computes a run's metrics from its table of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from msgspec.structs import asdict

from birads_zoo.data.prepare import Prepared
from birads_zoo.evaluation.best import read_best
from birads_zoo.evaluation.decisions import check_costs, read_cost
from birads_zoo.evaluation.folds import score_folds, spread_over_folds
from birads_zoo.evaluation.levels import read_levels
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.ordinal import read_errors
from birads_zoo.evaluation.pairs import pairs_by_class
from birads_zoo.evaluation.positive import positive_numbers, read_positive
from birads_zoo.evaluation.probabilities.conformal import read_conformal
from birads_zoo.evaluation.probabilities.recalibration import read_calibration
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.comparison import gain_over_best
from birads_zoo.evaluation.statistics.intervals import FEW, LEVEL, METHOD, RESAMPLES, few_patients, intervals
from birads_zoo.evaluation.statistics.resampling import clusters, persons, resample
from birads_zoo.evaluation.statistics.weighted import weighted_scores
from birads_zoo.evaluation.subgroups import read_subgroups
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.scores import Intervals, Measured
from birads_zoo.results.shortcuts import Gain, Gains, ShortcutScore
from birads_zoo.runs.predictions import class_shifts, predicted_rows
from birads_zoo.shortcuts.permutation_test import ShortcutTest
from birads_zoo.shortcuts.without_pixels import Shortcut

COMPARED = ("macro_f1", "macro_auroc")
"""The metrics in which a network is compared with the shortcuts."""


def measure(
    predictions: pd.DataFrame,
    data: Prepared,
    recipe: Recipe,
    shortcuts: Sequence[Shortcut],
    tests: Mapping[str, ShortcutTest],
) -> RunMetrics:
    """Return the content of `metrics.json`: the metrics of the test rows with intervals, and how the split was made.

    `predictions` are from `predictions_frame`. The test rows of all folds are pooled. `shortcuts` are the shortcuts'
    probabilities of the same test rows, and `tests` say which of the shortcuts work. Each evaluation is one call; it
    takes the test rows, and the validation rows where something is fitted on them. Evaluations that resample patients
    draw the same resamples, so that they agree on the same score.
    """
    test, validation = (predicted_rows(predictions, part, data, recipe) for part in ("test", "validation"))
    evaluation, training, leak = recipe.evaluation, recipe.training, data.leak
    by_fold = score_folds(
        test.labels, test.probabilities, test.patients, test.folds, test.classes, ordinal=test.ordinal
    )

    def generator() -> np.random.Generator:
        return numpy_generator(recipe.seed, "intervals")

    resamples = resample(test.patients, RESAMPLES, generator())
    return RunMetrics(
        **asdict(_measured(test)),
        per_fold=by_fold,
        spread_over_folds=spread_over_folds(by_fold),
        shortcuts={shortcut.name: _shortcut(test, shortcut, tests.get(shortcut.name)) for shortcut in shortcuts},
        gain=_gains(test, shortcuts),
        best=read_best(test),
        errors=read_errors(test),
        positive=read_positive(test, resamples),
        cost=read_cost(test, evaluation.costs),
        subgroups=read_subgroups(test, resamples),
        levels=read_levels(test, evaluation.level_rule, generator(), data.labelled.target.level),
        calibration=read_calibration(test, validation, class_shifts(data, recipe)),
        conformal=read_conformal(
            test,
            validation,
            evaluation.conformal_level,
            chose_epoch=training.select != "last" or training.schedule == "plateau" or training.early_stopping > 0,
            leak=leak,
        ),
        split=recipe.split.scheme,
        leaky=leak != "none",
        leak_proven=leak != "possible",
        folds=len(data.folds),
        patients=persons(test.patients),
        target=data.labelled.target.name,
        level=data.labelled.target.level,
        validation=_measured(validation) if len(data.folds) == 1 and len(validation.labels) else None,
    )


def check_evaluation(data: Prepared, recipe: Recipe) -> None:
    """Raise `UserError`, before any training, if the section `evaluation` does not fit the run's classes."""
    positive_numbers(recipe.evaluation.positive, data.labelled.target, data.labelled.classes)
    check_costs(recipe.evaluation.costs, data.labelled.classes)


def _measured(rows: PredictedRows) -> Measured:
    labels, classes = rows.labels, rows.classes
    estimates = intervals(labels, rows.out_of_fold, rows.patients, ordinal=rows.ordinal)
    return Measured(
        **asdict(evaluate(labels, rows.probabilities, rows.folds, classes, ordinal=rows.ordinal)),
        intervals=Intervals(
            method=METHOD,
            level=LEVEL,
            resamples=int(clusters(rows.patients).max()) + 1,
            few={classes[k]: count for k, count in few_patients(labels, rows.patients, len(classes)).items()},
            few_below=FEW,
            scores={
                _named(name, classes): None if interval is None else (interval.low, interval.high)
                for name, interval in estimates.items()
            },
            areas=pairs_by_class(labels, rows.patients, rows.folds, classes),
        ),
    )


def _shortcut(test: PredictedRows, shortcut: Shortcut, result: ShortcutTest | None) -> ShortcutScore:
    """Score a shortcut; the majority has no test."""
    if shortcut.probabilities is None:
        return ShortcutScore(macro_f1=None, macro_auroc=None)
    once = np.ones((1, len(test.labels)))
    values = weighted_scores(test.labels, shortcut.probabilities, test.folds, once, test.ordinal, COMPARED)
    scores = {name: float(value[0]) if np.isfinite(value[0]) else None for name, value in values.items()}
    return ShortcutScore(
        macro_f1=scores["macro_f1"],
        macro_auroc=scores["macro_auroc"],
        over_chance=None if result is None else result.gain,
        p_value=None if result is None else result.p_value,
        flagged=None if result is None else result.flagged,
    )


def _gains(test: PredictedRows, shortcuts: Sequence[Shortcut]) -> Gains:
    measured = {shortcut.name: shortcut.probabilities for shortcut in shortcuts if shortcut.probabilities is not None}
    estimates = gain_over_best(
        test.labels, test.probabilities, measured, test.folds, test.patients, COMPARED, ordinal=test.ordinal
    )
    gains = {
        name: None if gain is None else Gain(**asdict(gain), over=over) for name, (over, gain) in estimates.items()
    }
    return Gains(over=estimates["macro_f1"][0], macro_f1=gains["macro_f1"], macro_auroc=gains["macro_auroc"])


def _named(score: str, classes: tuple[str, ...]) -> str:
    """Replace the class number by its name: "f1:2" becomes "f1:BI-RADS 4"."""
    name, colon, number = score.partition(":")
    return f"{name}:{classes[int(number)]}" if colon else name
