"""DICOM files with compressed pixels: the pixels read are those that were written."""

import sys

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError

RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (16, 1))


def _compressed(syntax, pixels):
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        return imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12, predictor=1)
    if syntax == uid.JPEGExtended12Bit:
        return imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12)
    if syntax == uid.JPEG2000Lossless:
        return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12, reversible=True)
    return imagecodecs.jpegls_encode(pixels)


@pytest.mark.parametrize(
    "syntax",
    [uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.JPEGExtended12Bit],
    ids=lambda syntax: syntax.keyword,
)
def test_lossless_compression_keeps_the_pixels(tmp_path, write_dicom, syntax):
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 64)).astype(np.uint16)
    plain = read_image(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12)).astype(int)
    packed = write_dicom(
        tmp_path / "b.dcm",
        encapsulate([_compressed(syntax, pixels)]),
        TransferSyntaxUID=syntax,
        Rows=40,
        Columns=64,
        BitsAllocated=16,
        BitsStored=12,
        PixelRepresentation=0,
    )
    worst = np.abs(read_image(packed).astype(int) - plain).max()
    assert worst <= (40 * 16 if syntax == uid.JPEGExtended12Bit else 0), "only the lossy one may differ, by a little"


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_compressed_negative_values(tmp_path, write_dicom, syntax):
    pixels = np.random.default_rng(0).integers(-2048, 2048, (40, 64)).astype(np.int16)
    shape = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 1}
    stream = _compressed(syntax, pixels.view(np.uint16) & np.uint16(0xFFF))
    packed = write_dicom(tmp_path / "b.dcm", encapsulate([stream]), TransferSyntaxUID=syntax, **shape)
    plain = write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12)
    np.testing.assert_array_equal(read_image(packed), read_image(plain))


def test_run_lengths(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12)
    dataset = pydicom.dcmread(path)
    dataset.compress(uid.RLELossless)
    dataset.save_as(tmp_path / "b.dcm")
    np.testing.assert_array_equal(read_image(tmp_path / "b.dcm"), read_image(path))


def test_an_8_bit_jpeg_stream_equals_its_jpeg_file(tmp_path, write_dicom):
    Image.fromarray((RAMP // 16).astype(np.uint8)).save(tmp_path / "a.jpg")
    shape = {"Rows": 16, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "PixelRepresentation": 0}
    stream = encapsulate([(tmp_path / "a.jpg").read_bytes()])
    path = write_dicom(tmp_path / "a.dcm", stream, TransferSyntaxUID=uid.JPEGBaseline8Bit, **shape)
    np.testing.assert_array_equal(read_image(path), read_image(tmp_path / "a.jpg"))


def test_a_missing_extra_is_named(tmp_path, write_dicom, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    options = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    stream = _stream_of(40, 64)
    path = write_dicom(tmp_path / "a.dcm", encapsulate([stream]), TransferSyntaxUID=uid.JPEGLosslessSV1, **options)
    with pytest.raises(ImageError, match=r"no decoder: pixels in JPEG Lossless.* pip install 'birads-zoo\[dicom\]'"):
        read_image(path)


def _stream_of(rows, columns):
    return b"\xff\xd8\xff\xc3\x00\x0b\x0c" + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + b"\x01\x01\x11\x00"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg_of_every_predictor_and_depth(tmp_path, write_dicom, predictor, bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(predictor).integers(0, 1 << bits, (40, 64)).astype(dtype)
    stream = imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=bits, predictor=predictor)
    syntax = uid.JPEGLosslessSV1 if predictor == 1 else uid.JPEGLossless
    assert _grey_levels_apart(tmp_path, write_dicom, pixels, bits, stream, syntax) == 0


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("level", [0, 3])
def test_jpeg_ls_lossless_and_near_lossless(tmp_path, write_dicom, level, bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(level).integers(0, 1 << bits, (40, 64)).astype(dtype)
    stream = imagecodecs.jpegls_encode(pixels, level=level)
    syntax = uid.JPEGLSNearLossless if level else uid.JPEGLSLossless
    assert (
        _grey_levels_apart(tmp_path, write_dicom, pixels, bits, stream, syntax) <= level + 0.1
    )  # the rounding of both pictures


def _grey_levels_apart(tmp_path, write_dicom, pixels, bits, stream, syntax):
    """Return by how many of its own grey levels the compressed picture differs at most from the plain one."""
    shape = {"Rows": 40, "Columns": 64, "BitsAllocated": 8 * pixels.itemsize, "BitsStored": bits}
    packed = write_dicom(
        tmp_path / "b.dcm", encapsulate([stream]), TransferSyntaxUID=syntax, PixelRepresentation=0, **shape
    )
    plain = read_image(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=bits))
    worst = np.abs(read_image(packed).astype(int) - plain).max()
    return worst * ((1 << bits) - 1) / np.iinfo(plain.dtype).max


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless", "MR_small_jp2klossless", "MR_small_RLE"])
def test_pydicoms_compressed_files_equal_the_uncompressed_one(tmp_path, name):
    """These files were written by other programs. Only test files that are installed are used, called mammograms."""
    read = {}
    for stem in ("MR_small", name):
        path = get_testdata_file(f"{stem}.dcm", download=False)
        if path is None:
            pytest.skip(f"pydicom's {stem}.dcm is not at hand: it is not in its package")
        dataset = pydicom.dcmread(path)
        dataset.Modality = "MG"
        dataset.save_as(tmp_path / f"{stem}.dcm")
        read[stem] = read_image(tmp_path / f"{stem}.dcm")
    np.testing.assert_array_equal(read[name], read["MR_small"])


@pytest.mark.parametrize(
    ("syntax", "marker"),
    [(uid.JPEGLosslessSV1, b"\xff\xc3"), (uid.JPEGExtended12Bit, b"\xff\xc1")],
    ids=["lossless", "extended"],
)
def test_fill_bytes_before_a_marker_are_skipped(tmp_path, write_dicom, syntax, marker):
    stream = _compressed(syntax, np.random.default_rng(0).integers(0, 4096, (40, 64)).astype(np.uint16))
    filled = stream.replace(marker, b"\xff\xff\xff" + marker, 1)  # ITU-T T.81, B.1.1.2
    assert filled != stream
    shape = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    plain, other = (
        read_image(write_dicom(tmp_path / name, encapsulate([content]), TransferSyntaxUID=syntax, **shape))
        for name, content in (("a.dcm", stream), ("b.dcm", filled))
    )
    np.testing.assert_array_equal(other, plain)
