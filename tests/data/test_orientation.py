"""Pictures that are stored rotated or mirrored are turned upright, and have the size that their headers give."""

import io
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

from birads_zoo.data.decoding.images import is_deep, read_image, read_picture
from birads_zoo.data.decoding.orientation import turned
from birads_zoo.data.index.facts import file_facts
from birads_zoo.interfaces import INDEX_COLUMNS, Index

UPRIGHT = np.add.outer(np.arange(40, dtype=np.uint8) * 4, np.arange(24, dtype=np.uint8)).astype(np.uint8)  # 40×24
AS_STORED = {  # what a file of each orientation holds: TIFF 6.0, tag 274, where its row 0 and its column 0 are
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: UPRIGHT.T[::-1],
    7: UPRIGHT.T[::-1, ::-1],
    8: UPRIGHT.T[:, ::-1],
}


def _exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _write(path, pixels, orientation):
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if path.suffix == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        image.save(path, tiffinfo=tags)
    elif path.suffix == ".jpg":
        image.save(path, exif=_exif(orientation), quality=100)
    else:
        image.save(path, exif=_exif(orientation))
    return path


def _size(path):
    rows = pd.DataFrame({name: [""] for name in INDEX_COLUMNS}).assign(image_path=[path.name])
    facts = file_facts(Index(root=path.parent, rows=rows))
    return facts["height"][0], facts["width"][0]


@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize(
    ("suffix", "deep"), [("png", False), ("png", True), ("tif", False), ("tif", True), ("jpg", False)]
)
def test_all_eight_orientations_are_turned_upright(tmp_path, suffix, deep, orientation):
    scale = np.uint16(257) if deep else np.uint8(1)
    path = _write(tmp_path / f"a.{suffix}", AS_STORED[orientation] * scale, orientation)
    pixels = read_image(path)
    assert pixels.shape == UPRIGHT.shape == _size(path)
    assert pixels.dtype == (np.uint16 if deep else np.uint8)
    assert np.abs(pixels.astype(int) - UPRIGHT.astype(int) * int(scale)).max() <= (2 if suffix == "jpg" else 0)
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", AS_STORED)
def test_pictures_are_turned_as_by_pillow(orientation):
    image = Image.fromarray(np.ascontiguousarray(UPRIGHT))
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(turned(UPRIGHT, orientation), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_on_its_side_is_scaled_down_by_its_upright_sides(tmp_path, orientation):
    tall = np.repeat(np.repeat(UPRIGHT, 32, axis=0), 32, axis=1)  # 1280×768 upright
    stored = tall.T[::-1] if orientation == 6 else tall.T[:, ::-1] if orientation == 8 else tall
    stored = tall[::-1, ::-1] if orientation == 3 else stored
    path = _write(tmp_path / "a.jpg", stored, orientation)
    for at_least, reduction in [((640, 200), 2), ((200, 384), 2), ((320, 192), 4), ((641, 100), 1), ((100, 385), 1)]:
        picture = read_picture(path, at_least)
        assert picture.reduction == reduction, at_least
        assert picture.pixels.shape == (1280 // reduction, 768 // reduction)
        small = tall[reduction // 2 :: reduction, reduction // 2 :: reduction].astype(int)
        assert np.abs(picture.pixels - small).mean() < 3


def _late_exif_png(orientation):
    """Return a PNG file whose EXIF block comes after its pixels, as the format allows."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(AS_STORED[orientation])).save(file, "PNG")
    content = file.getvalue()
    data = _exif(orientation).tobytes()[6:]
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    end = content.rindex(b"IEND") - 4
    return content[:end] + chunk + content[end:]


def test_exif_after_the_pixels_of_a_png_is_used(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(_late_exif_png(6))
    assert _size(path) == UPRIGHT.shape
    np.testing.assert_array_equal(read_image(path), UPRIGHT)


def test_the_size_of_a_png_is_read_without_its_pixels(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(_late_exif_png(8))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("pixels were decoded"))
    assert _size(path) == UPRIGHT.shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_invalid_orientation_is_ignored(tmp_path, orientation):
    np.testing.assert_array_equal(read_image(_write(tmp_path / "a.png", UPRIGHT, orientation)), UPRIGHT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "block", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 40]
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_damaged_exif_block_is_ignored(tmp_path, suffix, block):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(UPRIGHT).save(path, exif=block, **({"quality": 100} if suffix == "jpg" else {}))
    assert np.abs(read_image(path).astype(int) - UPRIGHT).max() <= 2
    assert _size(path) == UPRIGHT.shape


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("deep", [False, True])
def test_a_tiff_whose_zero_is_white_is_inverted(tmp_path, deep, orientation, compression):
    scale, top = (np.uint16(257), 65535) if deep else (np.uint8(1), 255)
    stored = Image.fromarray(np.ascontiguousarray(top - AS_STORED[orientation] * scale))
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    path = tmp_path / "a.tif"
    stored.save(path, tiffinfo=tags, compression=compression)
    _say_white_is_zero(path)
    np.testing.assert_array_equal(read_image(path), UPRIGHT * scale)
    assert is_deep(path) is deep


def _say_white_is_zero(path):
    """Change only the file's PhotometricInterpretation, because Pillow would invert 8-bit pixels on saving."""
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack("<I", content[4:8])
    (count,) = struct.unpack("<H", content[start : start + 2])
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack("<H", content[at : at + 2])[0] == 262:
            content[at + 8 : at + 10] = struct.pack("<H", 0)
    path.write_bytes(content)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_whose_zero_is_white_is_inverted_in_both_byte_orders(tmp_path, order):
    """The file is written by hand, because Pillow cannot write such big-endian TIFFs of 16 bits."""
    top = 65535
    stored = np.rint((1 - UPRIGHT / 255) * top).astype(f"{order}u2")
    height, width = stored.shape
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 0), (273, 8), (277, 1), (278, height)]
    tags += [(279, stored.nbytes)]
    listed = b"".join(struct.pack(f"{order}HHL", tag, 4, 1) + struct.pack(f"{order}L", value) for tag, value in tags)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + stored.nbytes)
    content = start + stored.tobytes() + struct.pack(f"{order}H", len(tags)) + listed + bytes(4)
    (tmp_path / "a.tif").write_bytes(content)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.rint(UPRIGHT / 255 * top))
    assert is_deep(tmp_path / "a.tif")
