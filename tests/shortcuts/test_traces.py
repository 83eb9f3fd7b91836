"""Traces of how a stored picture was made: each by hand, on pictures that are not square."""

import numpy as np
import pytest

from birads_zoo.inspection.formats.traces import traces

# The place of each trace among a picture's numbers.
SPECTRUM, DOWN, ACROSS, EDGES, GREYS, FAINT, SMALL = np.split(np.arange(130), np.cumsum([16, 8, 8, 12, 16, 6]))
H, W = 40, 24


def traces_of(picture):
    return traces(np.asarray(picture, np.uint8)[None], np.array([0]))[0]


def test_the_given_rows_come_in_their_order_whatever_their_bit_depth():
    shallow = np.random.default_rng(0).integers(0, 256, (3, H, W)).astype(np.uint8)
    values = traces(shallow, np.array([2, 0]))
    assert values.shape == (2, 130)
    np.testing.assert_allclose(values, [traces_of(shallow[2]), traces_of(shallow[0])])
    np.testing.assert_allclose(traces(shallow.astype(np.uint16) * np.uint16(257), np.array([2, 0])), values, atol=1e-5)


def test_the_grid_of_a_jpeg_shows_in_the_steps_between_rows_and_between_columns():
    """Every eighth step, after rows 3, 11, … and columns 5, 13, …, is four times as high as the others."""
    rows = np.cumsum(np.where(np.arange(H) % 8 == 4, 4, 1))[:, None]
    columns = np.cumsum(np.where(np.arange(W) % 8 == 6, 4, 1))[None]
    grid = traces_of(rows + columns)
    for shares, place, count in ((grid[DOWN], 3, H - 1), (grid[ACROSS], 5, W - 1)):
        times = np.bincount(np.arange(count) % 8, minlength=8) * np.where(np.arange(8) == place, 4, 1)
        np.testing.assert_allclose(shares, times / times.sum())
    assert not traces_of(np.full((H, W), 7))[[*DOWN, *ACROSS]].any(), "without steps there are no shares"


def test_the_outer_rows_and_columns_have_a_value_each():
    picture = np.zeros((H, W))
    picture[1], picture[-2] = 51, 102
    picture[:, 2], picture[:, -1] = 153, 255
    edges = traces_of(picture)[EDGES].reshape(4, 3)
    top, bottom, left, right = (picture[:3], picture[-3:], picture.T[:3], picture.T[-3:])
    np.testing.assert_allclose(edges, [part.mean(axis=1) / 255 for part in (top, bottom, left, right)])


def test_greys_are_counted_in_sixteenths_and_almost_black_ones_singly():
    picture = np.full((H, W), 200)
    picture.flat[:96] = np.repeat([0, 1, 2, 4, 8, 16], 16)
    values = traces_of(picture)
    share = 16 / picture.size
    np.testing.assert_allclose(values[FAINT], [share] * 6)
    assert values[GREYS][12] == pytest.approx(1 - 6 * share)
    assert values[GREYS][:2] == pytest.approx([5 * share, share])
    assert values[GREYS].sum() == pytest.approx(1)


def test_the_framing_is_the_picture_at_eight_by_eight():
    blocks = np.arange(64).reshape(8, 8)
    np.testing.assert_allclose(
        traces_of(np.repeat(np.repeat(blocks, H // 8, axis=0), W // 8, axis=1))[SMALL], blocks.ravel() / 255, atol=1e-6
    )


@pytest.mark.parametrize(("down", "across", "band"), [(0.25, 0.0, 8), (0.0, 0.25, 8), (0.0, 0.125, 4), (0.4, 0.3, 15)])
def test_a_wave_shows_in_the_band_of_its_frequency(down, across, band):
    """Bands are 1/32 of a cycle a pixel wide, whichever way the wave runs; the last one has all higher ones."""
    rows, columns = np.mgrid[:64, :48]
    spectrum = traces_of(128 + 100 * np.cos(2 * np.pi * (down * rows + across * columns)))[SPECTRUM]
    assert abs(int(spectrum.argmax()) - band) <= 1
    assert np.delete(spectrum, [max(band - 1, 0), band, min(band + 1, 15)]).max() < spectrum.max() - 3


def test_blurring_only_reduces_the_high_frequencies():
    noise = np.random.default_rng(1).integers(0, 256, (64, 48)).astype(float)
    blurred = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 4
    lost = traces_of(noise)[SPECTRUM] - traces_of(blurred)[SPECTRUM]
    assert lost[-1] > 2 > 0.5 > lost[0]
