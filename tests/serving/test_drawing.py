"""The heat map shows evidence at the right place of the picture as it was given."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.placement.preparation import geometry
from birads_zoo.data.store.pixels import read_and_place
from birads_zoo.recipe import ImageSection
from birads_zoo.serving.answers.drawing import draw_heat_maps, draw_pictures


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(500, 300), (2600, 1500)])
def test_the_heat_of_a_spot_is_drawn_on_the_spot(tmp_path, mirrored, fit, size):
    height, width = size
    breast = np.zeros(size, np.uint8)
    ys, xs = np.ogrid[:height, :width]
    breast[((xs / width / 0.7) ** 2 + ((ys / height - 0.5) / 0.4) ** 2) < 1] = 120
    y, x = round(0.6 * height), round(0.3 * width)
    breast[y - height // 50 : y + height // 50, x - width // 50 : x + width // 50] = 255
    if mirrored:
        breast, x = breast[:, ::-1], width - x
    path = tmp_path / "breast.png"
    Image.fromarray(breast).save(path)
    section = ImageSection(height=128, width=96, fit=fit)
    placed = read_and_place(path, section, geometry(section, None))
    assert placed.placement.mirrored is mirrored
    (shape,), picture = draw_pictures([path])
    assert max(shape) <= 1024
    assert shape[0] / shape[1] == pytest.approx(height / width, rel=0.01)
    heat = (placed.pixels > 200).astype(np.float32)
    over = np.asarray(Image.open(io.BytesIO(base64.b64decode(draw_heat_maps([heat], [placed], [shape])))))
    below = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
    assert over.shape == (*below.shape, 4)
    for name, weights in (("heat", over[..., 3]), ("spot", np.where(below > 200, 1, 0))):
        rows, columns = np.nonzero(weights > weights.max() / 2)
        assert rows.mean() == pytest.approx(y / height * shape[0], abs=0.012 * shape[0]), name
        assert columns.mean() == pytest.approx(x / width * shape[1], abs=0.012 * shape[1]), name


def test_sixteen_bits_are_shown_over_the_whole_range(tmp_path):
    ramp = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    below = np.asarray(Image.open(io.BytesIO(base64.b64decode(draw_pictures([tmp_path / "deep.png"])[1]))))
    assert below.dtype == np.uint8
    assert below.min() == 0
    assert below.max() == 255
