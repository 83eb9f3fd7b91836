from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from birads_zoo.data.lesions import UNKNOWN, boxed, lesion_maps, marked_lesions, with_box
from birads_zoo.data.placement.geometry import Placement
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

ROOT = Path("nowhere")  # boxes and circles are known without a file
HALF = Placement(scale_x=0.5, scale_y=0.5, offset_x=0.0, offset_y=4.0, mirrored=False)
MIRRORED = Placement(scale_x=0.5, scale_y=0.5, offset_x=32.0, offset_y=4.0, mirrored=True)


def rows(*lesions):
    return pd.DataFrame({"lesions": pd.Series([tuple(marked) for marked in lesions], dtype="object")})


def circle(x, y, radius):
    return Lesion(x0=x - radius, y0=y - radius, x1=x + radius, y1=y + radius)


def test_a_circle_is_drawn_at_its_stored_pixels():
    maps = lesion_maps(rows([circle(20, 30, 8)]), ROOT, np.array([1]), [HALF], 40, 32)
    assert maps.shape == (1, 40, 32)
    ys, xs = np.nonzero(maps[0])
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((10, 19))
    assert maps.sum() == pytest.approx(np.pi * 4**2, rel=0.1)


def test_a_mirrored_picture_has_its_lesion_on_the_other_side():
    maps = lesion_maps(rows([circle(20, 30, 8)]), ROOT, np.array([1]), [MIRRORED], 40, 32)
    assert np.nonzero(maps[0])[1].mean() + 0.5 == pytest.approx(22)


def test_a_box_is_filled_to_its_corners_and_a_circle_is_not():
    box = Lesion(x0=10, y0=10, x1=30, y1=30, outline="box")
    maps = lesion_maps(rows([box], [circle(20, 20, 10)]), ROOT, np.array([1, 1]), [HALF, HALF], 40, 32)
    assert maps[0].sum() == 10 * 10
    assert maps[1].sum() < maps[0].sum()


def test_only_the_first_class_is_known_without_marks():
    maps = lesion_maps(rows([], [], [circle(20, 20, 5)]), ROOT, np.array([0, 1, 1]), [HALF] * 3, 40, 32)
    assert (maps[0] == 0).all()
    assert (maps[1] == UNKNOWN).all()
    assert set(np.unique(maps[2])) == {0, 1}


def test_without_any_mark_the_error_gives_advice():
    with pytest.raises(UserError, match="needs marked lesions, and none of the rows has any; leave it at 0"):
        lesion_maps(rows([], []), ROOT, np.array([0, 1]), [HALF] * 2, 40, 32)


@pytest.mark.parametrize("place", [(8.0, 8.0), (7.6, 8.4), (7.0, 9.0)])
def test_the_smallest_lesion_covers_a_pixel(place):
    tiny = circle(*place, 0.4)
    assert lesion_maps(rows([tiny]), ROOT, np.array([1]), [HALF], 40, 32).sum() >= 1


def test_a_mark_outside_the_stored_picture_is_unknown():
    maps = lesion_maps(rows([circle(500, 500, 8)]), ROOT, np.array([1]), [HALF], 40, 32)
    assert (maps == UNKNOWN).all()


def masked(root, name="mask.png"):
    """Return a lesion whose mask of 60×64 source pixels is a bar in its box."""
    mask = np.zeros((60, 64), np.uint8)
    mask[20:40, 12:16] = 255
    Image.fromarray(mask).save(root / name)
    return Lesion(x0=4, y0=20, x1=24, y1=40, mask_path=name)


def test_a_mask_is_used_and_an_outline_without_one(tmp_path):
    maps = marked_lesions(rows([masked(tmp_path)], [circle(20, 30, 8)], []), tmp_path, [HALF] * 3, 40, 32)
    ys, xs = np.nonzero(maps[0])
    assert (ys.min(), ys.max() + 1, xs.min(), xs.max() + 1) == (14, 24, 6, 8)
    assert maps[0].sum() == 10 * 2
    np.testing.assert_array_equal(
        maps[1], lesion_maps(rows([circle(20, 30, 8)]), ROOT, np.array([1]), [HALF], 40, 32)[0]
    )
    assert not maps[2].any()


def test_the_mask_of_a_mirrored_picture_is_mirrored(tmp_path):
    maps = marked_lesions(rows([masked(tmp_path)]), tmp_path, [MIRRORED], 40, 32)
    assert np.flatnonzero(maps[0].any(axis=0)).tolist() == [24, 25]


def test_a_mask_between_the_pixels_is_drawn_by_its_box(tmp_path):
    mask = np.zeros((60, 64), np.uint8)
    mask[30, 20] = 255
    Image.fromarray(mask).save(tmp_path / "dot.png")
    dot = Lesion(x0=20, y0=30, x1=21, y1=31, mask_path="dot.png")
    coarse = Placement(scale_x=0.1, scale_y=0.1, offset_x=0.0, offset_y=0.0, mirrored=False)
    assert marked_lesions(rows([dot]), tmp_path, [coarse], 6, 7)[0].sum() >= 1


def test_an_unreadable_mask_gives_one_sentence(tmp_path):
    lost = Lesion(x0=4, y0=20, x1=24, y1=40, mask_path="lost.png")
    with pytest.raises(UserError, match=r"cannot read the lesion mask .*lost.png \(no file: .*; restore it"):
        marked_lesions(rows([lost]), tmp_path, [HALF], 40, 32)


def test_a_lesion_without_a_box_gets_its_masks_box(tmp_path):
    masked(tmp_path)
    bare = Lesion(outline="box", mask_path="mask.png")
    assert not boxed(bare)
    lesion = with_box(bare, tmp_path)
    assert (lesion.x0, lesion.y0, lesion.x1, lesion.y1, lesion.mask_path) == (12, 20, 16, 40, "mask.png")
    known = Lesion(x0=4, y0=20, x1=24, y1=40, mask_path="lost.png")
    assert with_box(known, tmp_path) is known, "no file is read for it"


@pytest.mark.parametrize("given", [{}, {"x0": 1.0, "y0": 2.0, "x1": 3.0}, {"x0": 0, "y0": 0, "x1": 1, "y1": np.inf}])
def test_a_lesion_without_a_whole_box_or_a_mask_is_refused(given):
    with pytest.raises(ValueError, match=r"a lesion needs a box \(x0, y0, x1, y1\) or a mask \(mask_path\): "):
        Lesion(**given)


def test_training_uses_the_mask_of_a_lesion_without_a_box(tmp_path):
    masked(tmp_path)
    bare = Lesion(outline="box", mask_path="mask.png")
    maps = lesion_maps(rows([bare]), tmp_path, np.array([1]), [HALF], 40, 32)
    np.testing.assert_array_equal(maps[0] == 1, marked_lesions(rows([bare]), tmp_path, [HALF], 40, 32)[0])
    assert (maps[0] == 1).sum() == 10 * 2


def test_the_bright_pixels_of_a_jpeg_mask_are_used(tmp_path):
    mask = np.zeros((60, 64), np.uint8)
    mask[16:40, 8:24] = 255
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=60)
    lesion = with_box(Lesion(mask_path="mask.jpg"), tmp_path)
    assert (lesion.x0, lesion.y0, lesion.x1, lesion.y1) == pytest.approx((8, 16, 24, 40), abs=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_mask_that_numbers_its_lesions_includes_all(tmp_path, dtype):
    mask = np.zeros((60, 64), dtype)
    for number, column in enumerate((4, 20, 40), start=1):
        mask[20:40, column : column + 8] = number
    Image.fromarray(mask).save(tmp_path / "numbered.png")
    lesion = with_box(Lesion(mask_path="numbered.png"), tmp_path)
    assert (lesion.x0, lesion.y0, lesion.x1, lesion.y1) == (4, 20, 48, 40)


def test_a_white_mask_ignores_grey_tissue(tmp_path):
    mask = np.zeros((60, 64), np.uint8)
    mask[:, :40], mask[20:40, 8:24] = 127, 255
    Image.fromarray(mask).save(tmp_path / "tissue.png")
    lesion = with_box(Lesion(mask_path="tissue.png"), tmp_path)
    assert (lesion.x0, lesion.y0, lesion.x1, lesion.y1) == (8, 20, 24, 40)


def test_an_empty_mask_gives_one_sentence(tmp_path):
    Image.fromarray(np.zeros((60, 64), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(UserError, match=r"the lesion mask .*black.png shows nothing; restore it"):
        with_box(Lesion(mask_path="black.png"), tmp_path)
