"""Baseline maps are in the breast, and point into lesions only by chance."""

import numpy as np
import pytest

from birads_zoo.explanation.baselines import brightness_maps, centre_maps, moved_maps
from birads_zoo.explanation.localisation import energy_inside, pointing, share_of


def generators(count, start=0):
    return [np.random.default_rng(start + number) for number in range(count)]


def test_a_moved_map_points_into_a_lesion_as_often_as_its_share_of_the_breast(breasts, spots):
    masks, lesions = breasts(1500), spots(1500)
    peak = np.zeros((1500, 48, 40), np.float32)
    peak[:, 5, 38] = 1  # outside of the breast, where a moved map never is
    hits = pointing(moved_maps(peak, masks, generators(1500)), lesions)
    chance = share_of(lesions, masks)
    assert hits.mean() == pytest.approx(chance.mean(), abs=3 * (chance.mean() / 1500) ** 0.5)
    assert 0.03 < chance.mean() < 0.06


def test_a_moved_map_has_its_values_in_another_place_and_none_outside(breasts):
    masks = breasts(5)
    maps = np.random.default_rng(0).random((5, 48, 40)).astype(np.float32)
    moved = moved_maps(maps, masks, generators(5))
    assert not moved[~masks].any()
    np.testing.assert_array_equal(moved.max(axis=(1, 2)), maps.max(axis=(1, 2)))
    for number in range(5):
        assert np.isin(moved[number][masks[number]], maps[number]).all()
    assert not np.array_equal(moved, maps)


def test_the_centre_is_that_of_the_breast(breasts):
    masks = breasts(1)
    (heat,) = centre_maps(masks)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    ys, xs = np.nonzero(masks[0])
    assert (y, x) == (pytest.approx(ys.mean(), abs=1), pytest.approx(xs.mean(), abs=1))
    assert energy_inside(heat[None], masks)[0] == 1
    radius = (len(ys) / np.pi) ** 0.5
    far = (ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2
    np.testing.assert_allclose(heat[masks[0]], np.exp(-far / (2 * (radius / 2) ** 2)), rtol=1e-5)


def test_brightness_is_highest_at_the_brightest_patch(breasts):
    masks, picture = breasts(1), np.full((1, 48, 40), 0.2, np.float32)
    picture[0, 30:36, 8:14] = 0.9
    picture[0, :4, 36:] = 1  # a label, brighter, outside
    heat = brightness_maps(picture, masks)
    assert pointing(heat, picture > 0.8)[0] == 1
    assert not heat[~masks].any()
