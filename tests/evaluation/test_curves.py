"""Weighted ROC and PR curves: against scikit-learn, by brute force, and the bands' pointwise coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from birads_zoo.evaluation.curves import (
    area_under_roc,
    average_precision,
    cumulated,
    curves,
    sensitivity_at,
    specificity_at,
)


@pytest.fixture
def weighted():
    generator = np.random.default_rng(4)
    positive, scores = generator.random(80) < 0.3, generator.integers(0, 12, 80) / 12
    return positive, scores, generator.integers(0, 4, (30, 80)).astype(float)


def test_areas_are_scikit_learns_of_the_same_weights(weighted):
    positive, scores, weights = weighted
    caught, alarms = cumulated(positive, scores, weights)
    areas, precisions = area_under_roc(caught, alarms), average_precision(caught, alarms)
    for b, weight in enumerate(weights):
        assert areas[b] == pytest.approx(roc_auc_score(positive, scores, sample_weight=weight))
        assert precisions[b] == pytest.approx(average_precision_score(positive, scores, sample_weight=weight))


@pytest.mark.parametrize("level", [0.8, 0.9, 1.0])
def test_levels_are_the_best_of_all_thresholds(weighted, level):
    positive, scores, weights = weighted
    caught, alarms = cumulated(positive, scores, weights)
    sensitivities, specificities = sensitivity_at(level, caught, alarms), specificity_at(level, caught, alarms)
    for b, weight in enumerate(weights):
        rates = []
        for threshold in [np.inf, *np.unique(scores)]:
            called = scores >= threshold
            hits, spared = weight[called & positive].sum(), weight[~called & ~positive].sum()
            rates.append((hits / weight[positive].sum(), spared / weight[~positive].sum()))
        assert sensitivities[b] == pytest.approx(max(tpr for tpr, tnr in rates if tnr >= level - 1e-9))
        assert specificities[b] == pytest.approx(max(tnr for tpr, tnr in rates if tpr >= level - 1e-9))


def test_without_positives_or_negatives_nothing_is_defined():
    positive, scores = np.array([True, False]), np.array([0.2, 0.1])
    caught, alarms = cumulated(positive, scores, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    for values in (
        area_under_roc(caught, alarms),
        average_precision(caught, alarms),
        sensitivity_at(0.8, caught, alarms),
        specificity_at(0.8, caught, alarms),
    ):
        assert np.isnan(values).all()


def test_a_curve_has_scikit_learns_corners_and_a_valid_band(weighted):
    positive, scores, _ = weighted
    roc, pr = curves(positive, scores, np.arange(80).astype(str), np.random.default_rng(0))
    false_rate, true_rate, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert roc.x == pytest.approx(false_rate)
    assert roc.y == pytest.approx(true_rate)
    assert pr.y[-1] == pytest.approx(positive.mean())
    for curve in (roc, pr):
        assert (curve.low <= curve.high).all()
        assert curve.low.min() >= 0
        assert curve.high.max() <= 1


def test_constant_scores_have_the_diagonal_and_a_band_around_it():
    positive = np.arange(60) % 3 == 0
    roc, _ = curves(positive, np.full(60, 0.5), np.arange(60).astype(str), np.random.default_rng(0))
    assert roc.x.tolist() == roc.y.tolist() == [0, 1]
    assert roc.low == pytest.approx(roc.at, abs=1e-6)
    assert roc.high == pytest.approx(roc.at, abs=1e-6)


def test_no_curve_without_a_positive_or_a_negative():
    scores, patients = np.array([0.1, 0.2]), np.array(["a", "b"])
    for positive in ([True, True], [False, False]):
        assert curves(np.array(positive), scores, patients, np.random.default_rng(0)) is None


def test_bands_hold_the_true_curve_at_each_point(patients):
    """At false positive rates of 0.1, 0.3 and 0.6 the true sensitivity is Φ((1.5 − z·σ)/σ), σ² = 1.49."""
    generator, held, at = np.random.default_rng(8), [], np.array([20, 60, 120])
    sigma = np.sqrt(1.49)
    truth = norm.sf(norm.isf(at / 200) - 1.5 / sigma)
    for _ in range(150):
        of, positive, score = patients(generator, 80)
        roc, _ = curves(positive, score, of.astype(str), generator, resamples=300)
        held.append((roc.low[at] <= truth) & (truth <= roc.high[at]))
    shares = np.mean(held, axis=0)
    assert (shares >= 0.9).all(), shares
    assert (shares <= 0.995).all(), shares
