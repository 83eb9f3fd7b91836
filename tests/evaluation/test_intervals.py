"""Intervals of metrics where resamples cannot vary: a rate of 0 or 1."""

import numpy as np
import pytest
from scipy.stats import norm

from birads_zoo.evaluation.intervals import Estimate, intervals, of_rate

NAMES = ("accuracy", "recall:0", "recall:1", "precision:1", "f1:1")


def test_a_class_that_is_always_found_in_few_patients_may_yet_be_missed():
    """Four patients of class 1, each found; twelve of class 0, two of whom are called 1: a precision of 4/6."""
    labels, called = np.repeat([0, 0, 1], [10, 2, 4]), np.repeat([0, 1, 1], [10, 2, 4])
    patients = np.arange(16).astype(str)
    found = intervals(labels, np.eye(2)[called], patients, np.random.default_rng(0), ordinal=False, names=NAMES)
    assert found["recall:1"] == Estimate(value=1.0, low=pytest.approx(0.025 ** (1 / 4)), high=1.0)
    assert found["precision:1"].low < found["precision:1"].value == 4 / 6 < found["precision:1"].high
    assert found["accuracy"].high <= 1


def test_all_right_is_all_patients_right():
    labels, patients = np.arange(40) % 2, np.repeat(np.arange(20), 2).astype(str)
    found = intervals(labels, np.eye(2)[labels], patients, np.random.default_rng(0), ordinal=False, names=NAMES)
    assert found["accuracy"].low == pytest.approx(0.025 ** (1 / 20))


def test_a_class_that_is_never_called_keeps_its_precision_of_0():
    found = intervals(
        np.array([0, 1]), np.eye(2)[[0, 0]], np.array(["a", "b"]), np.random.default_rng(0), ordinal=False, names=NAMES
    )
    assert found["precision:1"] == Estimate(value=0.0, low=0.0, high=0.0)


@pytest.mark.parametrize(
    ("rate", "far"), [(0.0, {"low": 0.0, "high": 1 - 0.025**0.1}), (1.0, {"low": 0.025**0.1, "high": 1.0})]
)
def test_the_far_end_is_clopper_and_pearsons(rate, far):
    found = of_rate(Estimate(value=rate, low=rate, high=rate), 10)
    assert (found.low, found.high) == (pytest.approx(far["low"]), pytest.approx(far["high"]))


def test_other_rates_are_left_alone():
    assert of_rate(Estimate(value=0.5, low=0.1, high=0.9), 10) == Estimate(value=0.5, low=0.1, high=0.9)
    assert of_rate(None, 10) is None


def test_the_recall_of_a_rare_class_that_is_nearly_always_found_is_covered():
    """5 of 60 patients have the class; each of their 1 to 8 dependent images is found with a chance of 0.95."""
    generator, held, times = np.random.default_rng(3), 0, 200
    for _ in range(times):
        of = np.repeat(np.arange(60), generator.integers(1, 9, 60))
        rare = of < 5
        effect = generator.normal(0, 0.7, 60)[of] + generator.normal(0, 1, len(of))
        called = (rare & (effect > np.sqrt(1.49) * norm.isf(0.95))).astype(int)
        found = intervals(
            rare.astype(int),
            np.eye(2)[called],
            of.astype(str),
            generator,
            ordinal=False,
            resamples=400,
            names=("recall:1",),
        )["recall:1"]
        held += found.low <= 0.95 <= found.high
    assert held / times >= 0.9, held / times
