"""Scores of each fold, and their spread."""

import numpy as np
import pytest

from birads_zoo.evaluation.folds import score_folds, spread_over_folds
from birads_zoo.results.scores import METRICS, Spread

LABELS = np.array([0, 1, 0, 1, 0, 0])
CALLED = np.array([0, 1, 1, 1, 0, 0])
FOLDS = np.array([0, 0, 1, 1, 2, 2])
PATIENTS = np.array(["a", "a", "b", "c", "", ""])


def fold_scores():
    return score_folds(LABELS, np.eye(2)[CALLED] * 0.6 + 0.2, PATIENTS, FOLDS, ("no", "yes"), ordinal=True)


def test_each_fold_has_its_own_scores_with_its_rows_patients_and_absent_classes():
    """The last fold's rows have no patient id, so it has no patients."""
    first, second, third = fold_scores()
    assert [(fold.fold, fold.n, fold.patients) for fold in (first, second, third)] == [
        (0, 2, 1),
        (1, 2, 2),
        (2, 2, 0),
    ]
    assert (first.macro_f1, first.macro_auroc, first.accuracy) == (1, 1, 1)
    assert second.macro_f1 == pytest.approx((0 + 2 / 3) / 2)
    assert second.accuracy == 0.5
    assert (third.absent, third.macro_f1, third.macro_auroc) == (("yes",), 0.5, None)
    assert first.absent == ()


def test_the_spread_is_the_deviation_between_folds_and_undefined_where_a_score_is():
    spread = spread_over_folds(fold_scores())
    assert spread.accuracy.mean == pytest.approx(2.5 / 3)
    assert spread.accuracy.sd == pytest.approx(np.std([1, 0.5, 1], ddof=1))
    assert spread.macro_auroc == Spread(mean=None, sd=None)
    assert spread_over_folds(fold_scores()[:1]).accuracy == Spread(mean=1.0, sd=None)


def test_every_metric_that_models_are_ranked_by_has_fold_scores_and_a_spread():
    for metric in METRICS:
        assert [fold.score(metric) for fold in fold_scores()] == [getattr(fold, metric) for fold in fold_scores()]
        assert spread_over_folds(fold_scores()).of(metric) == getattr(spread_over_folds(fold_scores()), metric)
