"""Which classes are positive, and how well they are separated from the rest."""

import numpy as np
import pytest
from scipy.stats import norm

from birads_zoo.errors import UserError
from birads_zoo.evaluation.positive import positive_numbers, read_positive
from birads_zoo.evaluation.statistics.intervals import LEVEL
from birads_zoo.evaluation.statistics.ranking import rank
from birads_zoo.evaluation.statistics.resampling import resample
from birads_zoo.evaluation.statistics.shares import Share
from birads_zoo.interfaces import Target

FOUR = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")
TARGET = Target(name="birads", column="assessment", classes=None, positive=("BI-RADS 4", "BI-RADS 5"))


@pytest.mark.parametrize(
    ("names", "classes", "numbers"),
    [
        ((), FOUR, (2, 3)),
        (("BI-RADS 5",), FOUR, (3,)),
        ((), ("BI-RADS 1", "BI-RADS 5"), (1,)),
        ((), ("BI-RADS 4", "BI-RADS 5"), ()),
        ((), ("BI-RADS 1", "BI-RADS 3"), ()),
    ],
    ids=["of the target", "given", "those in the run", "all are positive", "none is"],
)
def test_positive_classes(names, classes, numbers):
    assert positive_numbers(names, TARGET, classes) == numbers


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("BIRADS 5",), "unknown positive class 'BIRADS 5'; did you mean 'BI-RADS 5'"),
        (FOUR, "evaluation.positive names every class; leave out those that are negative"),
    ],
)
def test_impossible_positive_classes_are_rejected(names, message):
    with pytest.raises(UserError) as error:
        positive_numbers(names, TARGET, FOUR)
    assert message in str(error.value)


def read(table):
    return read_positive(table, resample(table.patients, 200, np.random.default_rng(0)))


def test_by_hand(rows):
    """Five negatives at 0.1 … 0.5 and four positives at 0.35, 0.45, 0.6, 0.7; the score is the sum of two classes."""
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.35, 0.45, 0.6, 0.7])
    probabilities = np.stack([1 - score, score / 3, score * 2 / 3], axis=1)
    result = read(rows([0] * 5 + [1, 2, 1, 2], probabilities, positive=(1, 2)))
    assert result.classes == ("b", "c")
    assert (result.n, result.positives, result.negatives) == (9, 4, 5)
    assert (result.positive_patients, result.negative_patients) == (4, 5)
    assert result.auroc.value == pytest.approx((3 + 4 + 5 + 5) / 20)
    assert result.average_precision.value == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 4)
    values = {name: estimate.value for name, estimate in result.sensitivity_at_specificity.items()}
    assert values == {"0.8": 3 / 4, "0.9": 2 / 4}  # one false alarm allowed, then none
    values = {name: estimate.value for name, estimate in result.specificity_at_sensitivity.items()}
    assert values == pytest.approx({"0.8": 3 / 5, "0.9": 3 / 5})  # all four must be caught: 0.35


def test_without_positive_classes_there_is_no_result(rows):
    assert read(rows([0, 1], np.eye(2))) is None


def test_perfect_separation_of_few_patients_has_a_wide_interval(rows):
    result = read(rows([0, 1] * 10, np.tile(np.eye(2), (10, 1)), positive=(1,)))
    estimate = result.sensitivity_at_specificity["0.9"]
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx(10 / (10 + 2.262**2), abs=1e-3), "Wilson's, of ten patients"


def test_the_variance_of_resamples_counts_the_rarer_kinds_patients(rows):
    """Three patients with a positive image and nine without: resamples vary by 2/3 of what three patients do."""
    score = np.array([0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.32, 0.55, 0.8])
    positive = np.arange(12) >= 9
    table = rows(positive.astype(int), np.stack([1 - score, score], axis=1), positive=(1,))
    resamples = resample(table.patients, 400, np.random.default_rng(0))
    result = read_positive(table, resamples)
    drawn = next(rank(positive, score).blocks(resamples))
    readings = {
        "sensitivity_at_specificity": (drawn.sensitivities(np.array([0.2])), 3),
        "specificity_at_sensitivity": (drawn.reach(np.array([0.8]))[0], 9),
    }
    for name, (values, count) in readings.items():
        estimate = getattr(result, name)["0.8"]
        variance = float(np.nanvar(values)) * 3 / 2
        share = Share(value=estimate.value, without=None, patients=3, rows=count, variance=variance)
        assert (estimate.low, estimate.high) == pytest.approx(share.interval(LEVEL)), name


@pytest.mark.slow
def test_intervals_hold_the_truth_with_the_threshold_chosen_on_the_same_rows(rows, patients):
    generator, held, times = np.random.default_rng(5), {}, 150
    sigma = np.sqrt(1.49)
    truth = {("auroc",): norm.cdf(1.5 / sigma / np.sqrt(2))}
    for level in (0.8, 0.9):
        same = norm.sf(norm.isf(1 - level) - 1.5 / sigma)  # two equal normal curves: the same both ways
        truth |= {("sensitivity_at_specificity", str(level)): same, ("specificity_at_sensitivity", str(level)): same}
    for _ in range(times):
        of, positive, score = patients(generator, 80)
        chance = norm.cdf(score / 2)
        table = rows(positive.astype(int), np.stack([1 - chance, chance], axis=1), patients=of, positive=(1,))
        result = read_positive(table, resample(table.patients, 500, generator))
        for path, value in truth.items():
            estimate = getattr(result, path[0]) if len(path) == 1 else getattr(result, path[0])[path[1]]
            held[path] = held.get(path, 0) + (estimate.low <= value <= estimate.high)
    shares = {path: count / times for path, count in held.items()}
    assert all(0.9 <= share <= 0.99 for share in shares.values()), shares
