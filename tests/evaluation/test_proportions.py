import numpy as np
import pytest
from scipy.stats import binomtest

from birads_zoo.evaluation.proportions import proportion


def test_independent_rows_have_clopper_and_pearsons_interval():
    hits = np.arange(40) < 30
    found = proportion(hits, np.array([""] * 40))  # rows without a patient are each their own
    exact = binomtest(30, 40).proportion_ci(method="exact")
    # The variance between 40 patients is p(1 − p)/39: one row fewer is independent than there are.
    assert found.value == 0.75
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_copies_of_a_patients_row_tell_nothing_new():
    hits, patients = np.arange(40) < 30, np.arange(40).astype(str)
    once = proportion(hits, patients)
    fivefold = proportion(np.repeat(hits, 5), np.repeat(patients, 5))
    assert (fivefold.low, fivefold.high) == pytest.approx((once.low, once.high), abs=0.01)


def test_all_hits_are_no_certainty():
    found = proportion(np.ones(80, dtype=bool), np.repeat(np.arange(20), 4).astype(str))
    assert found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 20)), "Clopper and Pearson's of 20 patients"
    alone = proportion(np.ones(5, dtype=bool), np.array(["P"] * 5))
    assert alone.low == pytest.approx(0.025), "one patient says nearly nothing"
    assert proportion(np.zeros(0, dtype=bool), np.zeros(0, dtype=str)) is None


def test_weights_make_patients_count_alike():
    hits, patients = np.array([True, False, False, False, True]), np.array(["a", "b", "b", "b", "c"])
    found = proportion(hits, patients, np.array([1, 1 / 3, 1 / 3, 1 / 3, 1]))
    assert found.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("together", [0.0, 0.3, 0.8])
def test_the_interval_covers_where_rows_of_a_patient_go_together(share, together):
    """`together` is the correlation of a patient's rows, whose own chances are beta distributed."""
    generator = np.random.default_rng(3)
    for count in (10, 60):
        held = 0
        for _ in range(250):
            of = np.repeat(np.arange(count), generator.integers(1, 9, count))
            spread = together / (1 - together)
            own = generator.beta(share / spread, (1 - share) / spread, count)[of] if together else share
            found = proportion(generator.random(len(of)) < own, of.astype(str))
            held += found.low <= share <= found.high
        assert held / 250 >= 0.88, f"{count} patients: {held / 250}"


def test_all_hits_of_any_patients_are_all_hits_whatever_their_weights():
    """Weights of 1/4, 1/5 and 1/6 seldom sum to the same in two orders: 17 of these 300 once had no lower end."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        patients = np.repeat(np.arange(16), generator.integers(4, 7, 16))
        weights = 1 / np.bincount(patients)[patients]
        found = proportion(np.ones(len(patients), bool), patients.astype(str), weights)
        assert found.value == found.high == 1
        assert 0.7 < found.low < 1
