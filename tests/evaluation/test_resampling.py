"""Statistics without each patient, computed in blocks that fit into memory."""

import numpy as np
import pytest

from birads_zoo.evaluation.statistics import resampling
from birads_zoo.evaluation.statistics.resampling import without_each

PATIENTS = np.array(["a", "b", "a", "c", "", "b", ""])
VALUES = np.array([1.0, 2, 3, 4, 5, 6, 7])


def mean(weights):
    return {"mean": weights @ VALUES / weights.sum(axis=1), "rows": weights.sum(axis=1)}


def test_each_patients_rows_are_left_out_together_and_a_row_without_a_patient_alone():
    result = without_each(mean, PATIENTS)
    assert sorted(result["rows"]) == [5, 5, 6, 6, 6]
    by_hand = [VALUES[[row not in out for row in range(7)]].mean() for out in ([0, 2], [1, 5], [3], [4], [6])]
    assert sorted(result["mean"]) == pytest.approx(sorted(by_hand))


@pytest.mark.parametrize("numbers", [1, 8, 15, 1000])
def test_how_many_patients_are_left_out_at_once_makes_no_difference(monkeypatch, numbers):
    whole = without_each(mean, PATIENTS)
    sizes = []
    monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", numbers)

    def recording(weights):
        sizes.append(weights.size)
        return mean(weights)

    result = without_each(recording, PATIENTS)
    for name, values in whole.items():
        np.testing.assert_array_equal(result[name], values)
    assert max(sizes) <= max(numbers, 7), "never more at once than allowed, except a single patient"
