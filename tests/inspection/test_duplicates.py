"""Copies are detected in all formats; different breasts, also of the same woman, are not copies."""

import io

import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.inspection.copies.duplicates import Pair, find_duplicates
from birads_zoo.inspection.copies.fingerprints import bits, fingerprint


def saved(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(pixels, factor):
    height, width = pixels.shape
    return np.asarray(Image.fromarray(pixels).resize((round(width * factor), round(height * factor))))


COPIES = {
    "compressed hard": lambda pixels: saved(pixels, 20),
    "half as large": lambda pixels: resized(pixels, 0.5),
    "larger": lambda pixels: resized(pixels, 1.3),
    "small and compressed": lambda pixels: saved(resized(pixels, 0.6), 60),
    "stretched": lambda pixels: np.asarray(Image.fromarray(pixels).resize((200, 150))),
    "brighter": lambda pixels: (255 * (pixels / 255) ** 0.8).astype(np.uint8),
    "in 16 bits": lambda pixels: pixels.astype(np.uint16) * 16,
}


@pytest.fixture(scope="module")
def breasts(tmp_path_factory, zoo):
    """48 pictures: of 12 women, both breasts in both views."""
    root = tmp_path_factory.mktemp("breasts") / "root"
    result = zoo("phantom", "--patients", 12, "--size", "256x208", "--damaged", 0, "--out", root)
    assert result.status == 0, result.err
    return [read_image(file) for file in sorted(root.glob("mammograms/*/*.jpg"))]


@pytest.fixture(scope="module")
def prints(breasts):
    """Their fingerprints."""
    return [fingerprint(pixels) for pixels in breasts]


def test_different_breasts_are_not_copies(prints):
    assert len(prints) == 48
    assert find_duplicates(prints) == ()


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found_among_all(breasts, prints, change):
    copies = [fingerprint(COPIES[change](pixels)) for pixels in breasts[:8]]
    pairs = {(pair.first, pair.second): pair for pair in find_duplicates([*prints, *copies])}
    assert set(pairs) == {(at, 48 + at) for at in range(8)}
    assert all(pair.kind == "copy" and 0.7 <= pair.similarity <= 1 for pair in pairs.values())


def test_a_mirrored_copy_is_named_so(breasts):
    prints = [fingerprint(pixels) for pixels in [*breasts[:8], saved(breasts[3][:, ::-1].copy(), 80)]]
    (pair,) = find_duplicates(prints)
    assert (pair.first, pair.second, pair.kind) == (3, 8, "mirrored copy")


def test_the_same_pixels_are_paired_with_the_first(breasts):
    first, second = fingerprint(breasts[0]), fingerprint(breasts[1])
    pairs = find_duplicates([first, second, first, first])
    assert pairs == (
        Pair(first=0, second=2, kind="same pixels", similarity=1.0),
        Pair(first=0, second=3, kind="same pixels", similarity=1.0),
    )


def test_empty_pictures_match_only_the_same_pixels():
    empty, full = np.zeros((40, 30), np.uint8), np.full((40, 30), 200, np.uint8)
    assert find_duplicates([fingerprint(empty), fingerprint(full)]) == ()
    assert [pair.kind for pair in find_duplicates([fingerprint(empty), fingerprint(empty.copy())])] == ["same pixels"]
    assert find_duplicates([]) == ()


def test_same_bytes_of_another_shape_are_another_picture():
    flat = np.arange(800, dtype=np.uint16).astype(np.uint8)
    prints = [fingerprint(flat.reshape(shape)) for shape in ((20, 40), (40, 20))]
    assert prints[0].digest != prints[1].digest


def test_a_spectrum_gives_the_hash_of_the_mirrored_picture(breasts):
    for pixels in breasts[:4]:
        straight, mirrored = fingerprint(pixels), fingerprint(pixels[:, ::-1].copy())
        hash_of_mirrored = bits(straight.spectra[0][None], mirrored=True)
        assert (hash_of_mirrored != bits(mirrored.spectra[0][None])).sum() <= 2, "except for rounding"
