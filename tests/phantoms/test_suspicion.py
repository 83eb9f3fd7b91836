import numpy as np
import pytest

from birads_zoo.phantoms.suspicion import category_chances, draw_suspicions, known_probabilities


def test_categories_depend_on_the_suspicion_and_overlap() -> None:
    chances = category_chances(np.array([0.0, 1 / 3, 0.5, 2 / 3, 1.0]))
    assert chances.sum(axis=1) == pytest.approx(1)
    assert chances.argmax(axis=1)[[0, 2, 4]].tolist() == [0, 1, 2]
    assert chances[1, 0] == pytest.approx(0.5), "at the cut a reader is as likely to go below"
    assert chances[3, 2] == pytest.approx(0.5)
    assert chances[2, 0] > 0.04, "a lesion in the middle of 4 is a 3 to some readers"


def test_draws_have_the_distribution_of_their_category() -> None:
    """The share of suspicions below x with category 3 equals the model's chance integrated over [0, x]."""
    drawn = draw_suspicions("4", 2000, np.random.default_rng(0))
    fine = (np.arange(10_000) + 0.5) / 10_000
    density = category_chances(fine)[:, 1]
    for x in (0.3, 0.4, 0.5, 0.6, 0.7):
        assert (drawn < x).mean() == pytest.approx(density[fine < x].sum() / density.sum(), abs=0.002)


def test_draws_are_spread_evenly_but_in_random_order() -> None:
    first, other = (draw_suspicions("5", 50, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.sort(first) == pytest.approx(np.sort(other), abs=0.08)
    assert abs(np.corrcoef(first, np.arange(50))[0, 1]) < 0.5
    assert len(draw_suspicions("3", 0, np.random.default_rng(0))) == 0


def test_known_probabilities_depend_on_the_shares() -> None:
    """Computed by hand at the cut between 3 and 4, where both are equally likely, so only the shares decide."""
    even = known_probabilities(np.array([1 / 3]), [1, 1, 1])[0]
    rare = known_probabilities(np.array([1 / 3]), [9, 1, 1])[0]
    assert rare[0] / rare[1] == pytest.approx(9 * even[0] / even[1])
    assert known_probabilities(np.array([0.9]), [5, 5, 0])[0].tolist()[2] == 0, "no woman has a 5"
