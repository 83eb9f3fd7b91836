"""The pointing game and the energy, on maps with an obvious answer."""

import numpy as np
import pytest

from birads_zoo.explanation.localisation import energy_inside, pointing, share_of

MASK = np.zeros((1, 4, 4), bool)
MASK[0, 1:3, 1:3] = True


def test_the_maximum_decides():
    heat = np.full((1, 4, 4), 0.5, np.float32)
    heat[0, 2, 2] = 0.6
    assert pointing(heat, MASK)[0] == 1
    heat[0, 0, 0] = 0.7
    assert pointing(heat, MASK)[0] == 0


def test_tied_maxima_share_the_point_and_a_flat_map_scores_at_chance():
    heat = np.zeros((1, 4, 4), np.float32)
    heat[0, 0, 0] = heat[0, 1, 1] = heat[0, 2, 2] = 1
    assert pointing(heat, MASK)[0] == pytest.approx(2 / 3)
    assert pointing(np.zeros((1, 4, 4), np.float32), MASK)[0] == share_of(MASK, np.ones_like(MASK))[0] == 0.25


def test_energy_is_the_share_of_the_sum():
    heat = np.ones((2, 4, 4), np.float32)
    heat[0, 1, 1] = 5
    assert energy_inside(heat, np.repeat(MASK, 2, axis=0)) == pytest.approx([8 / 20, 4 / 16])


def test_an_empty_map_has_no_energy_to_share():
    assert np.isnan(energy_inside(np.zeros((1, 4, 4), np.float32), MASK)[0])
