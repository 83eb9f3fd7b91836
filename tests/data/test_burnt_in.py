"""Letters, film edges and frames are removed; every pixel of the breast stays."""

import numpy as np
import pytest

from birads_zoo.data.dicom.burnt_in import without_marks

HEIGHT, WIDTH = 512, 400


def _breast(dtype, film):
    """Return half an ellipse on the left edge, with a nipple and a fading skin, and its mask."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    depth = 1 - ((rows - 256) / 180) ** 2 - (columns / 200) ** 2
    nipple = (rows - 256) ** 2 + (columns - 202) ** 2 < 8**2
    grey = np.where(depth > 0, 0.25 + 0.5 * np.sqrt(np.clip(depth, 0, 1)), np.where(nipple, 0.4, film))
    return (grey * np.iinfo(dtype).max).astype(dtype), (depth > 0) | nipple


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("film", [0.0, 0.03])
@pytest.mark.parametrize("mirrored", [False, True])
def test_marks_are_removed_and_the_breast_stays(dtype, film, mirrored):
    plain, inside = _breast(dtype, film)
    marked = plain.copy()
    white = np.iinfo(dtype).max
    marked[20:50, 300:306] = marked[44:50, 300:330] = white  # an L
    marked[:6, 150:] = marked[-8:, :300] = int(0.8 * white)  # the film's edges, one of them at the wall too
    marked[300:304, 360:364] = white  # a scratch
    if mirrored:
        plain, inside, marked = plain[:, ::-1], inside[:, ::-1], marked[:, ::-1]
    cleaned = without_marks(marked)
    assert cleaned.dtype == dtype
    np.testing.assert_array_equal(cleaned[inside], marked[inside])
    np.testing.assert_allclose(cleaned[~inside].astype(int), plain[~inside].astype(int), atol=1)


def test_nothing_burnt_in_changes_nothing():
    plain, _ = _breast(np.uint16, 0.03)
    np.testing.assert_array_equal(without_marks(plain), plain)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_uniform_picture_is_unchanged(value):
    even = np.full((64, 64), value, np.uint8)
    np.testing.assert_array_equal(without_marks(even), even)


def test_a_white_frame_becomes_black():
    plain, _ = _breast(np.uint16, 0.0)
    framed = plain.copy()
    framed[:20], framed[-30:], framed[:, -25:] = 65535, 65535, 65535
    cleaned = without_marks(framed)
    np.testing.assert_array_equal(cleaned[20:-30, :-25], plain[20:-30, :-25])
    assert (cleaned[:20] == 0).all()
    assert (cleaned[-30:] == 0).all()
    assert (cleaned[:, -25:] == 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("upside_down", [False, True])
def test_a_bright_bar_over_the_breast_becomes_black(dtype, upside_down):
    plain, _ = _breast(dtype, 0.0)
    plain = plain[150:]  # the breast meets the top
    barred = plain.copy()
    barred[:5, :250] = int(0.94 * np.iinfo(dtype).max)
    cleaned = without_marks(barred[::-1])[::-1] if upside_down else without_marks(barred)
    np.testing.assert_array_equal(cleaned[8:], plain[8:])
    assert (cleaned[:8, :250] == 0).all()


@pytest.mark.parametrize("slope", [0.003, 0.0005])
def test_bright_tissue_that_fades_from_the_top_is_not_a_bar(slope):
    plain, _ = _breast(np.uint16, 0.0)
    plain = plain[150:]
    plain[:, :150] = np.maximum(plain[:, :150], 65535 * (0.87 - slope * np.arange(len(plain)))[:, np.newaxis])
    np.testing.assert_array_equal(without_marks(plain)[:, :150], plain[:, :150])


def test_a_chest_wall_brighter_than_the_window_is_not_a_frame():
    plain, _ = _breast(np.uint8, 0.0)
    plain[:, :4] = 255
    np.testing.assert_array_equal(without_marks(plain)[100:400], plain[100:400])


def test_a_second_large_region_is_not_a_mark():
    """It may be a second picture. Anything that fills a fifth of the frame must not be removed."""
    plain, _ = _breast(np.uint8, 0.0)
    plain[:, 300:] = 160
    np.testing.assert_array_equal(without_marks(plain), plain)
