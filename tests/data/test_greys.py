import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.decoding.greys import whole_range
from birads_zoo.data.picture import ImageError
from birads_zoo.data.store.pixels import build_store
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

DEEP = np.array([[0, 1, 2047], [2048, 4094, 4095]], np.uint16)


def test_greys_are_scaled_to_the_whole_range():
    assert whole_range(DEEP, 12).tolist() == [[0, 16, 32759], [32776, 65519, 65535]]
    assert whole_range(DEEP, 12).dtype == np.uint16


def test_other_pictures_are_unchanged():
    shallow = np.array([[3, 200]], np.uint8)
    assert whole_range(shallow, 12) is shallow
    assert whole_range(DEEP, 0) is DEEP


def test_a_picture_of_more_bits_is_refused():
    with pytest.raises(ImageError) as caught:
        whole_range(DEEP, 11)
    assert (caught.value.reason, caught.value.detail) == (
        "brighter than image.bits",
        "grey value 4095; 11 bits end at 2047",
    )


@pytest.mark.parametrize("neutral", [False, True])
def test_a_store_of_12_bit_pictures_has_16_bits(tmp_path, neutral):
    import pandas as pd

    y, x = np.mgrid[:80, :60]
    breast = np.where((x / 45) ** 2 + ((y - 40) / 34) ** 2 < 1, 0.9 - x / 120, 0.0)
    for name, white in {"twelve": 4095, "sixteen": 65535}.items():
        Image.fromarray(np.rint(breast * white).astype(np.uint16)).save(tmp_path / f"{name}.png")
    Image.fromarray(np.rint(breast * 255).astype(np.uint8)).save(tmp_path / "eight.png")

    def stored(name, bits):
        index = Index(root=tmp_path, rows=pd.DataFrame({"image_path": [f"{name}.png"]}))
        section = ImageSection(height=40, width=24, bits=bits, neutral=neutral)
        store, failures = build_store(index, section, tmp_path / "cache")
        assert not failures
        return np.asarray(store.array[0], np.float64)

    off = np.abs(stored("twelve", 12) - stored("sixteen", 0)) / 65535
    assert off.mean() < 1 / 1000
    assert off.max() < (1 / 50 if neutral else 1 / 200), "a JPEG's coefficient may be rounded the other way"
    assert stored("twelve", 0).max() < 4096
    assert np.array_equal(stored("eight", 12), stored("eight", 0))
