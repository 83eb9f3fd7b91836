"""An overlay shows the mammogram unchanged, the heat in its place, and a warning if the map is not to be relied on."""

import numpy as np
import pytest
from PIL import Image, ImageColor

from birads_zoo.report.drawing.overlays import draw_overlay
from birads_zoo.report.drawing.shades import LESION
from birads_zoo.report.drawing.style import WARM

NOTHING = np.zeros((60, 40), bool)


@pytest.fixture
def drawn(tmp_path):
    """Draw and read an overlay: `drawn(picture, heat, lesions, warning)` → pixels."""

    def draw(picture, heat, lesions=NOTHING, warning=""):
        path = tmp_path / "one.png"
        draw_overlay(path, picture, heat, lesions, "grad-cam: evidence for a class", "true a, called b", warning)
        with Image.open(path) as image:
            assert image.format == "PNG"
            return np.asarray(image.convert("RGB")).astype(int)

    return draw


def spot():
    heat = np.zeros((60, 40), np.float32)
    heat[20:26, 8:14] = 1
    return heat


def has(pixels, colour):
    return (pixels == ImageColor.getrgb(colour)).all(axis=2)


def box(mask):
    ys, xs = np.nonzero(mask)
    return ys.min(), ys.max() + 1, xs.min(), xs.max() + 1


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (448, 448), (700, 512)])
def test_a_picture_is_never_stretched(drawn, shape):
    picture = np.zeros(shape, np.uint8)  # black on white paper: its edges are plain
    pixels = drawn(picture, np.zeros(shape, np.float32), np.zeros(shape, bool))
    black = (pixels.max(axis=2) == 0) & (np.arange(pixels.shape[0]) < pixels.shape[0] - 40)[:, None]
    wide = black[black.any(axis=1)].sum(axis=1).max() / 2
    tall = black.sum(axis=0).max()
    assert tall / wide == pytest.approx(shape[0] / shape[1], rel=0.01)


def test_heat_is_where_the_map_has_it_and_the_rest_is_unchanged(drawn):
    picture = np.full((60, 40), 120, np.uint8)
    pixels = drawn(picture, spot())
    coloured = np.ptp(pixels, axis=2) > 60
    coloured[-40:] = False  # the key
    top, bottom, left, right = box(coloured)
    whole = box((pixels == 120).all(axis=2))
    scale = (whole[1] - whole[0]) / 60
    start = whole[3] - 40 * scale  # of the second picture
    assert (top - whole[0]) / scale == pytest.approx(20, abs=1)
    assert (bottom - whole[0]) / scale == pytest.approx(26, abs=1)
    assert (left - start) / scale == pytest.approx(8, abs=1)
    assert (right - start) / scale == pytest.approx(14, abs=1)


def test_lesions_are_outlined_in_both_pictures_and_named_in_the_key(drawn):
    lesions = NOTHING.copy()
    lesions[30:40, 10:20] = True
    picture = np.full((60, 40), 120, np.uint8)
    assert not has(drawn(picture, spot()), LESION).any()
    pixels = has(drawn(picture, spot(), lesions), LESION)
    pictures, key = pixels[:-40], pixels[-40:]
    assert key.any()
    middle = pixels.shape[1] // 2
    assert pictures[:, :middle].sum() == pytest.approx(pictures[:, middle:].sum(), rel=0.05) != 0


def test_a_warning_is_a_band_across(drawn):
    picture = np.full((60, 40), 120, np.uint8)
    assert not has(drawn(picture, spot()), WARM).any()
    band = has(drawn(picture, spot(), warning="does not beat its baselines"), WARM)
    assert band.any(axis=0).all()


def test_16_bits_are_shown_over_the_range_they_use(drawn):
    picture = np.zeros((60, 40), np.uint16)
    picture[:, 20:] = 4095
    pixels = drawn(picture, np.zeros((60, 40), np.float32))
    assert (pixels[200, :300].max(), pixels[200, 20:150].min()) == (255, 0)
