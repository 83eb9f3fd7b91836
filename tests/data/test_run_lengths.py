"""BMP files with run lengths, which Pillow decodes slowly."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import BmpImagePlugin, Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError

SQUARE = 3162
"""The largest side of a square of 10 megapixels."""


def _bmp(path: Path, width: int, height: int, runs: bytes, compression: int = 1) -> Path:
    bits, colours = (8, 256) if compression == 1 else (4, 16)
    palette = b"".join(struct.pack("<BBBB", *[level * 255 // (colours - 1)] * 3, 0) for level in range(colours))
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(runs), 0, 0, colours, 0)
    start = 54 + len(palette)
    path.write_bytes(b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + head + palette + runs)
    return path


@pytest.fixture
def undecoded(monkeypatch):
    """Fail the test if Pillow decodes run lengths."""
    monkeypatch.setattr(BmpImagePlugin.BmpRleDecoder, "decode", lambda *_: pytest.fail("Pillow decodes them"))


@pytest.mark.parametrize(
    ("compression", "pair", "levels"), [(1, b"\x10\x33", (0x33, 0x33)), (2, b"\x10\x36", (51, 102))]
)
def test_run_lengths_of_a_usual_size_are_read(tmp_path, compression, pair, levels):
    pixels = read_image(_bmp(tmp_path / "a.bmp", 16, 20, (pair + b"\0\0") * 20 + b"\0\1", compression))
    np.testing.assert_array_equal(pixels, np.tile(levels, (20, 8)))


@pytest.mark.parametrize("compression", [1, 2])
@pytest.mark.parametrize(("width", "height"), [(SQUARE + 1, SQUARE), (8900, 8900)])
def test_more_than_ten_megapixels_in_run_lengths_are_refused(tmp_path, undecoded, width, height, compression):
    path = _bmp(tmp_path / "a.bmp", width, height, b"\1\5\0\0" * height, compression)
    with pytest.raises(ImageError, match=r"may have 10 megapixels and 10 MB, and this one has .*; save it as PNG") as e:
        read_image(path)
    assert e.value.reason == "too large"
    assert f"this one has {width}×{height} pixels in 0.0 MB; " in e.value.detail


def test_a_small_picture_with_endless_run_lengths_is_refused(tmp_path, undecoded):
    with pytest.raises(ImageError, match=r"^too large: .* this one has 64×96 pixels in 10\.0 MB; "):
        read_image(_bmp(tmp_path / "a.bmp", 64, 96, b"\0\2\0\0" * 2_500_000))


def test_ten_megapixels_in_run_lengths_are_read(tmp_path):
    runs = (b"\xff\5" * (SQUARE // 255 + 1) + b"\0\0") * SQUARE
    assert np.all(read_image(_bmp(tmp_path / "a.bmp", SQUARE, SQUARE, runs)) == 5)


def test_a_bmp_of_more_than_ten_megapixels_without_run_lengths_is_read(tmp_path):
    Image.new("L", (SQUARE + 1, SQUARE), 7).save(tmp_path / "a.bmp")
    assert np.all(read_image(tmp_path / "a.bmp") == 7)
