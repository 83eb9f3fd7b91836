"""Adjacent and severe errors: by hand, by properties, and how often their intervals hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from birads_zoo.evaluation.ordinal import read_errors


def test_by_hand(rows):
    errors = read_errors(rows([0, 1, 2, 3, 3, 0, 0, 0], np.eye(4)[[0, 2, 0, 0, 3, 1, 3, 0]]))
    assert {name: estimate.value for name, estimate in asdict(errors).items()} == pytest.approx(
        {"adjacent": 2 / 8, "severe": 3 / 8, "severe_under": 2 / 8, "severe_over": 1 / 8}
    )
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in asdict(errors).values())


def test_classes_without_an_order_have_none(rows):
    assert read_errors(rows([0, 1, 2], np.eye(3), ordinal=False)) is None


def test_two_classes_have_no_severe_error(rows):
    assert read_errors(rows([0, 1, 1, 0], np.eye(2)[[1, 1, 0, 0]])) is None


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_correct_adjacent_and_severe_add_up_to_one(pairs):
    from birads_zoo.evaluation.rows import PredictedRows

    labels, called = np.array(pairs).T
    table = PredictedRows(
        labels=labels,
        probabilities=np.eye(5)[called],
        patients=np.arange(len(labels)).astype(str),
        folds=labels,
        about=None,
        classes=tuple("abcde"),
        ordinal=True,
    )
    errors = read_errors(table)
    assert (labels == called).mean() + errors.adjacent.value + errors.severe.value == pytest.approx(1)
    assert errors.severe_under.value + errors.severe_over.value == pytest.approx(errors.severe.value)


def test_no_severe_error_among_few_patients_still_has_a_wide_interval(rows):
    errors = read_errors(rows([0, 1, 2] * 20, np.tile(np.eye(3), (20, 1)), patients=np.repeat(range(20), 3)))
    assert (errors.severe.value, errors.severe.low) == (0, 0)
    assert errors.severe.high == pytest.approx(2.093**2 / (20 + 2.093**2), abs=1e-3)


@pytest.mark.parametrize("rate", [0.02, 0.15])
def test_the_interval_of_a_rate_holds_the_truth(rows, rate):
    """60 patients with 1 to 4 images; half of a patient's images share an outcome, so that they are dependent."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(250):
        of = np.repeat(np.arange(60), generator.integers(1, 5, 60))
        fate, own = (generator.random(60) < rate)[of], generator.random(len(of)) < rate
        far = np.where(generator.random(len(of)) < 0.5, fate, own)
        table = rows(np.zeros(len(of), int), np.eye(3)[2 * far], patients=of)
        errors = read_errors(table).severe
        held += errors.low <= rate <= errors.high
    assert 0.9 <= held / 250 <= 0.99, held / 250
