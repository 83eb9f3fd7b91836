import numpy as np
import pandas as pd
import pytest
from PIL import Image

from birads_zoo.data.placement.contrast import equalize
from birads_zoo.data.store.pixels import build_store
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection


def breast(height=96, width=64):
    """Return brightness in [0, 1]: a breast on black, with a lesion slightly brighter than its surroundings."""
    y, x = np.mgrid[:height, :width]
    tissue = 0.55 + 0.25 * np.cos(x / 20) + 0.05 * np.sin(y / 3)
    tissue += 0.04 * ((x - 20) ** 2 + (y - 48) ** 2 < 25)
    return np.where((x / 50) ** 2 + ((y - 48) / 44) ** 2 < 1, tissue, 0)


def eight_bits(plane):
    return np.rint(plane * 255).astype(np.uint8)


def test_dark_and_bright_films_become_alike():
    bright, dark = eight_bits(breast()), eight_bits(0.4 * breast())
    apart = np.abs(equalize(bright).astype(float) - equalize(dark))
    assert np.abs(bright.astype(float) - dark).mean() > 50
    assert apart.mean() < 10, "what is left are the dark film's coarser greys"


def test_a_faint_lesion_stands_out_more():
    picture = eight_bits(breast())

    def seen(pixels):
        return pixels[46:51, 18:23].mean() - pixels[66:71, 18:23].mean()

    assert seen(equalize(picture).astype(float)) > 2 * seen(picture.astype(float))


def test_black_stays_black_and_the_depth_is_kept():
    for picture in (eight_bits(breast()), np.rint(breast() * 65535).astype(np.uint16)):
        equal = equalize(picture)
        assert equal.dtype == picture.dtype
        assert equal.shape == picture.shape
        assert not equal[picture == 0].any()
        assert equal.max() > 0.9 * np.iinfo(picture.dtype).max


@pytest.mark.parametrize("grey", [0, 7, 255])
def test_a_picture_of_one_grey_has_no_contrast_to_gain(grey):
    equal = equalize(np.full((40, 30), grey, np.uint8))
    assert np.ptp(equal.astype(int)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 40), (5, 4)])
def test_tiny_pictures_are_equalised_too(shape):
    picture = np.random.default_rng(0).integers(1, 255, shape).astype(np.uint8)
    assert equalize(picture).shape == shape


@pytest.mark.parametrize("neutral", [False, True])
def test_stores_hold_what_the_recipe_asks_for(tmp_path, neutral):
    Image.fromarray(eight_bits(breast(192, 128))).save(tmp_path / "picture.png")
    index = Index(root=tmp_path, rows=pd.DataFrame({"image_path": ["picture.png"]}))

    def store(contrast):
        section = ImageSection(height=96, width=64, neutral=neutral, contrast=contrast)
        store, failures = build_store(index, section, tmp_path / "cache")
        assert not failures
        return store

    stored, equal = store("stored"), store("clahe")
    assert np.array_equal(equal.array[0], equalize(np.asarray(stored.array[0])))
    assert equal.placements == stored.placements
    assert "kornia" in equal.key.decoders, "another version of it may give other pixels"
    assert "kornia" not in stored.key.decoders
