"""Statistics without each patient, whatever fits into memory at once."""

import numpy as np
import pytest

from birads_zoo.evaluation.statistics import resampling
from birads_zoo.evaluation.statistics.resampling import without_each

PATIENTS = np.array(["a", "b", "a", "c", "", "b", ""])
VALUES = np.array([1.0, 2, 3, 4, 5, 6, 7])


def mean(weights):
    return {"mean": weights @ VALUES / weights.sum(axis=1), "rows": weights.sum(axis=1)}


def test_each_patients_rows_are_left_out_together_and_a_row_without_one_alone():
    found = without_each(mean, PATIENTS)
    assert sorted(found["rows"]) == [5, 5, 6, 6, 6]
    by_hand = [VALUES[[row not in out for row in range(7)]].mean() for out in ([0, 2], [1, 5], [3], [4], [6])]
    assert sorted(found["mean"]) == pytest.approx(sorted(by_hand))


@pytest.mark.parametrize("numbers", [1, 8, 15, 1000])
def test_how_many_patients_are_left_out_at_once_makes_no_difference(monkeypatch, numbers):
    whole = without_each(mean, PATIENTS)
    asked = []
    monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", numbers)

    def noted(weights):
        asked.append(weights.size)
        return mean(weights)

    found = without_each(noted, PATIENTS)
    for name, values in whole.items():
        np.testing.assert_array_equal(found[name], values)
    assert max(asked) <= max(numbers, 7), "no more at once than memory allows, but one patient"
