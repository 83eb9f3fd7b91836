"""Costs of decisions: by hand, against accuracy, and that calibrated probabilities give the cheapest decision."""

import numpy as np
import pytest

from birads_zoo.errors import UserError
from birads_zoo.evaluation.decisions import check_costs, read_cost
from birads_zoo.results.estimate import Estimate

MISSED = ((0, 1), (10, 0))
"""A miss costs ten false alarms."""


def test_by_hand(rows):
    """At 10 : 1 everything above 1/11 is called positive: also 0.3 and 0.2, at the cost of one false alarm."""
    second = np.array([0.9, 0.3, 0.2, 0.05])
    result = read_cost(rows([1, 1, 0, 0], np.stack([1 - second, second], axis=1)), MISSED)
    assert result.matrix == ((0, 1), (10, 0))
    assert result.argmax.value == pytest.approx(10 / 4)
    assert result.minimising.value == pytest.approx(1 / 4)
    assert result.saved.value == pytest.approx(9 / 4)
    assert (result.constant.value, result.constant_class) == (pytest.approx(2 / 4), "b")


def test_rows_are_true_classes_and_columns_predicted_classes(rows):
    result = read_cost(rows([0, 0, 0], [[0.1, 0.2, 0.7]] * 3), ((0, 1, 7), (1, 0, 1), (3, 1, 0)))
    assert result.argmax.value == pytest.approx(7)


def test_a_cost_of_one_per_mistake_is_the_error_rate(rows):
    generator = np.random.default_rng(1)
    table = rows(generator.integers(0, 4, 50), generator.dirichlet(np.ones(4), 50))
    result = read_cost(table, (1 - np.eye(4)).tolist())
    wrong = (table.probabilities.argmax(axis=1) != table.labels).mean()
    assert result.argmax.value == result.minimising.value == pytest.approx(wrong)
    assert result.saved == Estimate(value=0, low=0, high=0)


def test_no_interval_has_a_cost_that_no_image_can_have(rows):
    """With one mistake in three patients, two standard errors reach below 0, and above the largest cost."""
    second = np.array([0.9, 0.9, 0.1])
    table = rows([1, 1, 1], np.stack([1 - second, second], axis=1))
    result = read_cost(table, ((0, 1), (1, 0)))
    assert result.argmax.value == pytest.approx(1 / 3)
    assert (result.argmax.low, result.argmax.high) == (0, 1)
    assert (result.saved.value, result.saved.low, result.saved.high) == (0, 0, 0)
    mixed = read_cost(rows([1, 0, 1], np.stack([1 - second, second], axis=1)), ((0, 1), (1, 0)))
    assert (mixed.constant.low, mixed.constant.high) == (0, 1)


def test_without_costs_there_is_no_result(rows):
    assert read_cost(rows([0, 1], np.eye(2)), ()) is None


def test_with_calibrated_probabilities_the_cheapest_decision_saves_and_the_intervals_hold_the_truth(rows):
    """p is uniform and the class is drawn from it: argmax costs ∫₀^½ 10p + ∫_½^1 (1 − p) = 1.375, minimising less."""
    generator, held, times = np.random.default_rng(22), [0, 0], 300
    least = 10 / 2 / 11**2 + (10 / 11) ** 2 / 2  # the threshold is 1/11: ∫₀^¹⁄₁₁ 10p + ∫_¹⁄₁₁^1 (1 − p)
    for _ in range(times):
        of = np.repeat(np.arange(60), generator.integers(1, 4, 60))
        second = np.clip(generator.random(60)[of], 1e-9, 1)  # a patient's images share their probability
        labels = (generator.random(len(of)) < second).astype(int)
        result = read_cost(rows(labels, np.stack([1 - second, second], axis=1), patients=of), MISSED)
        for k, (name, truth) in enumerate((("argmax", 1.375), ("minimising", least))):
            held[k] += getattr(result, name).low <= truth <= getattr(result, name).high
    assert all(0.9 <= count / times <= 0.99 for count in held), held


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (
            ((0, 1), (1, 0)),
            "evaluation.costs has 2 rows of 2 numbers; this run needs 3 rows of 3: a row per true",
        ),
        (((0, 1, 2), (1, 0), (2, 1, 0)), "evaluation.costs has 3 rows of 2 and 3 numbers"),
        (((0, 1, 2), (1, 0, np.inf), (2, 1, 0)), "evaluation.costs holds a number that is not finite"),
    ],
)
def test_costs_that_do_not_fit(costs, message):
    with pytest.raises(UserError) as error:
        check_costs(costs, ("normal", "benign", "malignant"))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_costs_that_fit():
    for costs in (((0, 1), (10, 0)), ()):
        assert check_costs(costs, ("normal", "abnormal")) is None
