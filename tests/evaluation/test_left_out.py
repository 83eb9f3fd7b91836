"""Statistics without each patient are those of the other patients' rows, and cost no more for many patients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.evaluation.curves import average_precision, cumulated
from birads_zoo.evaluation.statistics import left_out
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.evaluation.statistics.weighted import weighted_scores


@st.composite
def predicted(draw):
    """Labels, probabilities with or without ties, folds and patients of 1 to 60 rows."""
    rows, classes = draw(st.integers(1, 60)), draw(st.integers(2, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    patients = generator.integers(0, draw(st.integers(1, 20)), rows).astype(str)
    patients[generator.random(rows) < 0.1] = ""
    return (
        generator.integers(0, classes, rows),
        generator.random((rows, classes)).round(draw(st.integers(0, 3))),
        generator.integers(0, draw(st.integers(1, 3)), rows) * 3 - 1,
        patients,
    )


@given(predicted(), st.integers(1, 200))
def test_every_score_without_a_patient_is_that_of_the_other_rows(rows, cells):
    labels, probabilities, folds, patients = rows
    of = clusters(patients)
    weights = (of[None] != np.arange(of.max() + 1)[:, None]).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(left_out, "_CELLS_AT_ONCE", cells)
        scores = left_out.scores_without_each(labels, probabilities, folds, of, True)
    expected = weighted_scores(labels, probabilities, folds, weights, True)
    assert scores.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(scores[name], values, name)


@given(predicted())
def test_average_precision_without_a_patient_is_that_of_the_other_rows(rows):
    labels, probabilities, _, patients = rows
    of, positive = clusters(patients), labels == 1
    values = left_out.average_precision_without_each(positive, probabilities[:, 1], of)
    for number, value in enumerate(values):
        kept = of != number
        expected = average_precision(*cumulated(positive[kept], probabilities[kept, 1])) if kept.any() else np.nan
        assert value == pytest.approx(expected, nan_ok=True)


def test_sums_without_a_patient_are_those_of_the_other_rows():
    columns, of = np.array([[1.0, 1], [2, 1], [4, 0], [8, 1]]), np.array([0, 1, 0, 2])
    assert left_out.sums_without_each(columns, of).tolist() == [[10, 2], [13, 2], [7, 2]]
    assert left_out.sums_without_each(columns / 3, np.zeros(4, int)).tolist() == [[0, 0]], "exactly nothing is left"


def test_a_patient_with_most_of_the_rows_takes_no_longer_than_the_others():
    """Average precision without her is not computed from sums over all rows, once for each of her rows."""
    generator = np.random.default_rng(0)
    positive, scores = generator.random(20_000) < 0.3, generator.random(20_000)
    of = np.maximum(np.arange(20_000) - 10_000, 0)
    numbers = []

    original = left_out._precision

    def counted(hits, rows):
        numbers.append(len(rows))
        return original(hits, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(left_out, "_precision", counted)
        left_out.average_precision_without_each(positive, scores, of)
    assert sum(numbers) < 10 * len(scores)
