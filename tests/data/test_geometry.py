import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from birads_zoo.data.placement.breast import find_breast
from birads_zoo.data.placement.geometry import place
from birads_zoo.recipe import ImageSection


def _breast(height: int = 300, width: int = 400, *, right: bool = False, level: int = 150) -> NDArray[np.uint8]:
    """A half ellipse on the left edge (or the right one), 200 rows high and 120 columns wide, on film of level 8."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows - height / 2) / 100) ** 2 + (columns / 120) ** 2 < 1
    picture = np.where(inside, level, 8).astype(np.uint8)
    return picture[:, ::-1].copy() if right else picture


def test_chest_wall_is_found_on_both_sides() -> None:
    assert find_breast(_breast(right=True)).chest_right
    mirrored, plain = find_breast(_breast(right=True)), find_breast(_breast())
    assert (mirrored.x0, mirrored.x1) == (400 - plain.x1 + 2 * (mirrored.x0 - (400 - plain.x1)) // 2, 400)


def test_oriented_pictures_of_both_sides_are_equal() -> None:
    section = ImageSection(height=64, width=64, crop=False)
    left, _ = place(_breast(), section)
    right, placement = place(_breast(right=True), section)
    assert placement.mirrored
    np.testing.assert_allclose(left, right, atol=1)


def test_unoriented_pictures_are_not_mirrored_and_are_padded_away_from_the_chest_wall() -> None:
    section = ImageSection(height=64, width=64, orient=False)
    left, at_left = place(_breast(), section)
    right, at_right = place(_breast(right=True), section)
    assert not at_left.mirrored
    assert not at_right.mirrored
    assert left[:, -15:].max() == 0
    assert left[:, 0].max() > 100
    assert right[:, :15].max() == 0
    assert right[:, -1].max() > 100


def test_pad_keeps_the_shape_and_stretch_does_not() -> None:
    padded, at_padded = place(_breast(), ImageSection(height=64, width=64))
    stretched, at_stretched = place(_breast(), ImageSection(height=64, width=64, fit="stretch"))
    assert at_padded.scale_x == pytest.approx(at_padded.scale_y, rel=0.03)
    assert at_stretched.scale_x > 1.3 * at_stretched.scale_y
    assert padded[:, -20:].max() == 0
    assert stretched[32, -5:].max() > 50


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("orient", [False, True])
def test_a_placement_maps_a_lesion_to_its_stored_pixels(fit: str, right: bool, crop: bool, orient: bool) -> None:
    picture = _breast(right=right, level=80)
    x = 340 if right else 52
    picture[120:132, x : x + 12] = 255  # its centre is (x + 6, 126)
    section = ImageSection(height=96, width=128, crop=crop, fit=fit, orient=orient)
    stored, placement = place(picture, section)
    rows, columns = np.nonzero(stored > 200)
    found_x, found_y = placement.points(x + 6.0, 126.0)
    assert columns.mean() + 0.5 == pytest.approx(float(found_x), abs=1.0)
    assert rows.mean() + 0.5 == pytest.approx(float(found_y), abs=1.0)


@pytest.mark.parametrize("right", [False, True])
def test_sources_undo_points(right: bool) -> None:
    _, placement = place(_breast(right=right), ImageSection(height=96, width=128))
    xs, ys = placement.sources(*placement.points(np.array([3.0, 50.0]), np.array([7.5, 200.0])))
    np.testing.assert_allclose(xs, [3.0, 50.0])
    np.testing.assert_allclose(ys, [7.5, 200.0])


def test_placement_of_a_reduced_copy_maps_the_files_own_pixels() -> None:
    picture = _breast()
    _, whole = place(picture, ImageSection(height=64, width=64, crop=False))
    _, half = place(picture[::2, ::2], ImageSection(height=64, width=64, crop=False))
    np.testing.assert_allclose(half.of_reduced(2).points(100.0, 200.0), whole.points(100.0, 200.0), atol=1e-9)


def test_16_bits_keep_their_depth() -> None:
    deep = _breast().astype(np.uint16) * np.uint16(257)
    section = ImageSection(height=64, width=64)
    stored, placement = place(deep, section)
    shallow, same = place(_breast(), section)
    assert stored.dtype == np.uint16
    assert placement == same
    np.testing.assert_allclose(stored / 257, shallow, atol=1.5)


@pytest.mark.parametrize(("height", "width", "down", "across"), [(30, 20, 64, 43), (20, 30, 32, 48)])
def test_a_small_picture_is_enlarged(height: int, width: int, down: int, across: int) -> None:
    picture = np.full((height, width), 200, np.uint8)
    picture[-1, -1] = 100
    stored, placement = place(picture, ImageSection(height=64, width=48, crop=False, orient=False))
    assert (placement.scale_y, placement.scale_x) == (down / height, across / width)
    rows, columns = np.flatnonzero(stored.any(axis=1)), np.flatnonzero(stored.any(axis=0))
    assert (rows[0], len(rows)) == ((64 - down) // 2, down)
    assert (columns[0], len(columns)) == (0, across)


def test_fine_stripes_are_averaged_not_aliased() -> None:
    stripes = np.zeros((400, 400), np.uint8)
    stripes[:, ::2] = 200
    stored, _ = place(stripes, ImageSection(height=50, width=50, crop=False, orient=False))
    assert np.abs(stored[5:-5, 5:-5].astype(int) - 100).max() <= 6


def test_an_edge_is_not_overshot() -> None:
    for picture in (_breast(), _breast().astype(np.uint16) * np.uint16(257)):
        stored, _ = place(picture, ImageSection(height=64, width=64))
        assert stored.max() == picture.max()


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_picture_without_contrast_is_kept_whole(level: int) -> None:
    stored, placement = place(np.full((40, 30), level, np.uint8), ImageSection(height=20, width=20))
    assert not placement.mirrored
    assert stored[10, 5] == level
    assert stored[:, 15:].max() == 0


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    crop=st.booleans(),
    orient=st.booleans(),
    fit=st.sampled_from(["pad", "stretch"]),
    deep=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_picture_fits_any_size(
    shape: tuple[int, int], size: tuple[int, int], crop: bool, orient: bool, fit: str, deep: bool, seed: int
) -> None:
    dtype = np.uint16 if deep else np.uint8
    picture = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    section = ImageSection(height=size[0], width=size[1], crop=crop, orient=orient, fit=fit)
    stored, placement = place(picture, section)
    assert (stored.shape, stored.dtype) == (size, dtype)
    breast = find_breast(picture)
    assert 0 <= breast.x0 < breast.x1 <= shape[1]
    assert 0 <= breast.y0 < breast.y1 <= shape[0]
    xs, ys = placement.points(np.array([breast.x0, breast.x1]), np.array([breast.y0, breast.y1]))
    if crop:  # the whole breast is inside
        assert min(xs) >= -1e-6
        assert max(xs) <= size[1] + 1e-6
        assert min(ys) >= -1e-6
        assert max(ys) <= size[0] + 1e-6
