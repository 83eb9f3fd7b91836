import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.geometry import Placement
from birads_zoo.data.lesions import UNKNOWN, lesion_maps
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

HALF = Placement(scale_x=0.5, scale_y=0.5, offset_x=0.0, offset_y=4.0, mirrored=False)
MIRRORED = Placement(scale_x=0.5, scale_y=0.5, offset_x=32.0, offset_y=4.0, mirrored=True)


def rows(*lesions):
    return pd.DataFrame({"lesions": pd.Series([tuple(marked) for marked in lesions], dtype="object")})


def circle(x, y, radius):
    return Lesion(x0=x - radius, y0=y - radius, x1=x + radius, y1=y + radius)


def test_a_circle_lies_where_its_pixels_are_stored():
    maps = lesion_maps(rows([circle(20, 30, 8)]), np.array([1]), [HALF], 40, 32)
    assert maps.shape == (1, 40, 32)
    ys, xs = np.nonzero(maps[0])
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((10, 19))
    assert maps.sum() == pytest.approx(np.pi * 4**2, rel=0.1)


def test_a_mirrored_picture_has_its_lesion_on_the_other_side():
    maps = lesion_maps(rows([circle(20, 30, 8)]), np.array([1]), [MIRRORED], 40, 32)
    assert np.nonzero(maps[0])[1].mean() + 0.5 == pytest.approx(22)


def test_a_box_is_filled_to_its_corners_and_a_circle_is_not():
    box = Lesion(x0=10, y0=10, x1=30, y1=30, outline="box")
    maps = lesion_maps(rows([box], [circle(20, 20, 10)]), np.array([1, 1]), [HALF, HALF], 40, 32)
    assert maps[0].sum() == 10 * 10
    assert maps[1].sum() < maps[0].sum()


def test_only_the_first_class_is_known_without_marks():
    maps = lesion_maps(rows([], [], [circle(20, 20, 5)]), np.array([0, 1, 1]), [HALF] * 3, 40, 32)
    assert (maps[0] == 0).all()
    assert (maps[1] == UNKNOWN).all()
    assert set(np.unique(maps[2])) == {0, 1}


def test_without_any_mark_the_error_says_what_to_do():
    with pytest.raises(UserError, match="needs marked lesions, and none of the rows has any; leave it at 0"):
        lesion_maps(rows([], []), np.array([0, 1]), [HALF] * 2, 40, 32)


@pytest.mark.parametrize("place", [(8.0, 8.0), (7.6, 8.4), (7.0, 9.0)])
def test_the_smallest_lesion_has_a_pixel(place):
    tiny = circle(*place, 0.4)
    assert lesion_maps(rows([tiny]), np.array([1]), [HALF], 40, 32).sum() >= 1


def test_a_mark_outside_of_what_is_stored_is_none():
    maps = lesion_maps(rows([circle(500, 500, 8)]), np.array([1]), [HALF], 40, 32)
    assert (maps == UNKNOWN).all()
