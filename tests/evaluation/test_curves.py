"""ROC and PR curves: against scikit-learn, by brute force, and the bands' pointwise coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from birads_zoo.evaluation.curves import area_under_roc, average_precision, cumulated, curves
from birads_zoo.evaluation.statistics.ranking import rank, resampled_area
from birads_zoo.evaluation.statistics.resampling import Resamples, resample

NO_FOLDS = np.zeros(80, int)


@pytest.fixture
def drawn():
    """80 rows with ties, each a patient's only one, and 30 resamples that repeat them up to three times."""
    generator = np.random.default_rng(4)
    positive, scores = generator.random(80) < 0.3, generator.integers(0, 12, 80) / 12
    counts = generator.integers(0, 4, (30, 80)).astype(np.uint8)
    return positive, scores, Resamples(counts=counts, of=np.arange(80))


def test_areas_are_scikit_learns(drawn):
    positive, scores, resamples = drawn
    areas = resampled_area(positive, scores, NO_FOLDS, resamples)
    for area, count in zip(areas, resamples.counts, strict=True):
        rows = np.repeat(np.arange(80), count)
        counted = cumulated(positive[rows], scores[rows])
        assert area_under_roc(*counted) == pytest.approx(roc_auc_score(positive[rows], scores[rows]))
        assert area == pytest.approx(roc_auc_score(positive[rows], scores[rows]))
        assert average_precision(*counted) == pytest.approx(average_precision_score(positive[rows], scores[rows]))


@pytest.mark.parametrize("level", [0.8, 0.9, 1.0])
def test_levels_are_the_best_of_all_thresholds(drawn, level):
    positive, scores, resamples = drawn
    counts = next(rank(positive, scores).blocks(resamples))
    sensitivities = counts.sensitivities(np.array([1 - level]))
    specificities, precisions = counts.reach(np.array([level]))
    for b, weight in enumerate(resamples.counts.astype(float)):
        rates = []
        for threshold in [np.inf, *np.unique(scores)[::-1]]:
            called = scores >= threshold
            hits, spared = weight[called & positive].sum(), weight[~called & ~positive].sum()
            precision = hits / max(weight[called].sum(), 1)
            rates.append((hits / weight[positive].sum(), spared / weight[~positive].sum(), precision))
        assert sensitivities[b, 0] == pytest.approx(max(tpr for tpr, tnr, _ in rates if tnr >= level - 1e-9))
        assert specificities[b, 0] == pytest.approx(max(tnr for tpr, tnr, _ in rates if tpr >= level - 1e-9))
        assert precisions[b, 0] == pytest.approx(next(ppv for tpr, _, ppv in rates if tpr >= level - 1e-9))


def test_a_band_is_read_off_the_curves_of_resamples(drawn):
    positive, scores, resamples = drawn
    at = np.linspace(0, 1, 41)
    rates = next(rank(positive, scores).blocks(resamples)).sensitivities(at, between=True)
    for own, count in zip(rates, resamples.counts, strict=True):
        rows = np.repeat(np.arange(80), count)
        false_rate, true_rate, _ = roc_curve(positive[rows], scores[rows], drop_intermediate=False)
        assert own == pytest.approx(np.interp(at + 1e-9, false_rate, true_rate))


def test_without_positives_or_negatives_nothing_is_defined():
    positive, scores = np.array([True, False]), np.array([0.2, 0.1])
    resamples = Resamples(counts=np.array([[1, 0], [0, 1], [0, 0]], np.uint8), of=np.arange(2))
    counts, at = next(rank(positive, scores).blocks(resamples)), np.array([0.8])
    areas = resampled_area(positive, scores, np.zeros(2, int), resamples)
    for values in (areas, counts.sensitivities(at), counts.sensitivities(at, between=True), *counts.reach(at)):
        assert np.isnan(values).all()
    for kind in ([True, True], [False, False]):
        counted = cumulated(np.array(kind), scores)
        assert np.isnan([area_under_roc(*counted), average_precision(*counted)]).all()


def test_how_many_resamples_are_read_at_once_makes_no_difference(drawn, monkeypatch):
    positive, scores, resamples = drawn
    whole = resampled_area(positive, scores, NO_FOLDS, resamples)
    monkeypatch.setattr("birads_zoo.evaluation.statistics.resampling._NUMBERS_AT_ONCE", 200)
    assert [len(block) for block in resamples.blocks()] == [2] * 15
    assert resampled_area(positive, scores, NO_FOLDS, resamples).tolist() == whole.tolist()
    patients = np.arange(80).astype(str)
    some = resample(patients, 7, np.random.default_rng(0)).counts
    monkeypatch.undo()
    assert np.array_equal(some, resample(patients, 7, np.random.default_rng(0)).counts)


def test_a_curve_has_scikit_learns_corners_and_a_valid_band(drawn):
    positive, scores, _ = drawn
    roc, pr = curves(positive, scores, resample(np.arange(80).astype(str), 1000, np.random.default_rng(0)))
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
    roc, _ = curves(positive, np.full(60, 0.5), resample(np.arange(60).astype(str), 100, np.random.default_rng(0)))
    assert roc.x.tolist() == roc.y.tolist() == [0, 1]
    assert roc.low == pytest.approx(roc.at, abs=1e-6)
    assert roc.high == pytest.approx(roc.at, abs=1e-6)


def test_no_curve_without_a_positive_or_a_negative():
    scores, resamples = np.array([0.1, 0.2]), resample(np.array(["a", "b"]), 10, np.random.default_rng(0))
    for positive in ([True, True], [False, False]):
        assert curves(np.array(positive), scores, resamples) is None


def test_bands_hold_the_true_curve_at_each_point(patients):
    """At false positive rates of 0.1, 0.3 and 0.6 the true sensitivity is Φ((1.5 − z·σ)/σ), σ² = 1.49."""
    generator, held, at = np.random.default_rng(8), [], np.array([20, 60, 120])
    sigma = np.sqrt(1.49)
    truth = norm.sf(norm.isf(at / 200) - 1.5 / sigma)
    for _ in range(150):
        of, positive, score = patients(generator, 80)
        roc, _ = curves(positive, score, resample(of.astype(str), 300, generator))
        held.append((roc.low[at] <= truth) & (truth <= roc.high[at]))
    shares = np.mean(held, axis=0)
    assert (shares >= 0.9).all(), shares
    assert (shares <= 0.995).all(), shares
