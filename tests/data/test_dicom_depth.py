"""DICOM files whose header and pixels disagree: the pixels are right, or the file is left out with a reason."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from birads_zoo.data.decoding.images import is_deep, read_image
from birads_zoo.data.dicom import read as dicom
from birads_zoo.data.picture import ImageError

GREY = np.add.outer(np.arange(40) * 20, np.arange(64) * 4).astype(np.float64) / 1032  # 40×64, 0 to 1, all unlike


def _samples(bits):
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.rint(GREY * ((1 << bits) - 1)).astype(dtype)


def _stream(coding, pixels, bits):
    if coding == "lossless":
        return imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=bits, predictor=1), uid.JPEGLosslessSV1
    if coding == "extended":
        return imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=bits), uid.JPEGExtended12Bit
    if coding == "baseline":
        return imagecodecs.jpeg8_encode(pixels, level=100), uid.JPEGBaseline8Bit
    if coding == "jpeg-ls":
        return imagecodecs.jpegls_encode(pixels), uid.JPEGLSLossless
    made = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, reversible=True)
    return made, uid.JPEG2000Lossless


@pytest.fixture
def compressed(tmp_path, write_dicom):
    """Write pixels of some bits under a header with others: `compressed("jpeg 2000", 16, 12, …)` → the path."""

    def write(coding, bits, says, *, pixels=None, **elements):
        stream, syntax = _stream(coding, _samples(bits) if pixels is None else pixels, bits)
        shape = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": says, "PixelRepresentation": 0}
        path = tmp_path / f"{coding}-{bits}-{says}.dcm"
        return write_dicom(path, encapsulate([stream]), **{"TransferSyntaxUID": syntax} | shape | elements)

    return write


def _off(path):
    """Return the picture's largest difference from the written pixels, as a share of its type's range."""
    pixels = read_image(path)
    return np.abs(pixels / np.iinfo(pixels.dtype).max - GREY).max()


@pytest.mark.parametrize("coding", ["jpeg 2000", "lossless", "jpeg-ls"])
@pytest.mark.parametrize("says", [10, 12, 14])
def test_a_stream_of_more_bits_than_its_header_says(compressed, coding, says):
    path = compressed(coding, 16, says)
    assert _off(path) < 0.001
    assert is_deep(path)
    assert read_image(path).dtype == np.uint16


@pytest.mark.parametrize(
    ("coding", "bits"),
    [
        ("baseline", 8),
        ("lossless", 8),
        ("lossless", 12),
        ("extended", 12),
        ("jpeg-ls", 8),
        ("jpeg 2000", 8),
        ("jpeg 2000", 12),
    ],
)
@pytest.mark.parametrize("says", [14, 16])
def test_a_stream_of_fewer_bits_than_its_header_says(compressed, coding, bits, says):
    path = compressed(coding, bits, says)
    assert _off(path) < (0.02 if coding in ("baseline", "extended") else 0.003)
    assert read_image(path).dtype == np.uint16, "as is_deep says"


@pytest.mark.parametrize("coding", ["jpeg 2000", "lossless", "jpeg-ls"])
def test_12_bits_stored_as_16_have_the_range_of_12(compressed, coding):
    path = compressed(coding, 16, 12, pixels=_samples(12))
    assert _off(path) < 0.001


@pytest.mark.parametrize(
    ("encode", "syntax"),
    [
        (lambda pixels: imagecodecs.jpegls_encode(pixels, level=20), uid.JPEGLSNearLossless),
        (lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", level=50), uid.JPEG2000),
    ],
    ids=["jpeg-ls", "jpeg 2000"],
)
def test_overshoot_of_lossy_compression_is_white(tmp_path, write_dicom, encode, syntax):
    pixels = _samples(12)
    pixels[::3] = np.where(np.arange(64) % 5 > 2, 4095, 0)  # edges that overshoot
    stream = encode(pixels)
    shape = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    path = write_dicom(tmp_path / "a.dcm", encapsulate([stream]), TransferSyntaxUID=syntax, **shape)
    decode = imagecodecs.jpegls_decode if syntax == uid.JPEGLSNearLossless else imagecodecs.jpeg2k_decode
    decoded = decode(stream)
    assert 4095 < decoded.max() < 4600, "it overshoots, as it has to in this test"
    assert np.abs(read_image(path) / 65535 - np.minimum(decoded, 4095) / 4095).max() < 0.001


@pytest.mark.parametrize("allocated", [8, 16])
def test_12_bits_under_a_header_of_8(compressed, allocated):
    path = compressed("lossless", 12, 8, BitsAllocated=allocated)
    assert _off(path) < 0.005
    assert not is_deep(path)
    assert read_image(path).dtype == np.uint8, "as is_deep says: a store takes its depth from headers"


@pytest.mark.parametrize("coding", ["jpeg 2000", "lossless"])
@pytest.mark.parametrize(
    ("bits", "says", "center", "width", "read"),
    [
        (16, 12, 32768, 65536, True),  # made for the stream
        (16, 12, 2048, 4096, False),  # made for the header: all of the picture would be white
        (12, 16, 2048, 4096, True),
        (12, 16, 32768, 65536, False),  # all of it would be black
        (12, 12, 3000, 9000, True),
    ],
)
def test_a_window_is_made_for_the_stream_or_the_file_is_left_out(compressed, coding, bits, says, center, width, read):
    path = compressed(coding, bits, says, WindowCenter=str(center), WindowWidth=str(width))
    if not read:
        with pytest.raises(
            ImageError, match=f"implausible header: its compressed pixels have {bits} bits where it say"
        ):
            read_image(path)
        return
    expected = np.clip((_samples(bits) - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert np.abs(read_image(path) / 65535 - expected).max() < 0.001


@pytest.mark.parametrize(("entries", "read"), [(4096, True), (65536, False)])
def test_a_table_is_made_for_the_stream_or_the_file_is_left_out(compressed, entries, read):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [entries % 65536, 0, 16])
    item.add_new("LUTData", "OW", np.linspace(65535, 0, entries).astype("<u2").tobytes())
    path = compressed("jpeg 2000", 12, 16, VOILUTSequence=Sequence([item]))
    if read:
        assert np.abs(1 - read_image(path) / 65535 - GREY).max() < 0.001
    else:
        with pytest.raises(ImageError, match="its window or table is not made for them"):
            read_image(path)


@pytest.mark.parametrize("signed_header", [False, True])
@pytest.mark.parametrize("signed_stream", [False, True])
@pytest.mark.parametrize("bits", [12, 16])
def test_the_header_says_what_the_bits_of_a_signed_stream_mean(
    compressed, monkeypatch, bits, signed_stream, signed_header
):
    """The bits are the same whether the encoder treated them as signed or not."""
    monkeypatch.setattr(dicom, "without_marks", lambda grey: grey)  # half of a ramp that starts again looks like a mark
    pattern = _samples(bits)
    shift = 16 - bits
    pixels = (pattern << shift).view(np.int16) >> shift if signed_stream else pattern
    path = compressed("jpeg 2000", bits, bits, pixels=pixels, PixelRepresentation=int(signed_header))
    top = (1 << bits) - 1
    expected = (pattern ^ (1 << (bits - 1)) if signed_header else pattern) / top
    assert np.abs(read_image(path) / 65535 - expected).max() < 0.001


def test_uncompressed_values_beyond_the_stored_bits_are_refused(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", _samples(16), BitsStored=12)
    with pytest.raises(
        ImageError, match=r"^implausible header: its pixels have values beyond the 12 bits that it says$"
    ):
        read_image(path)


def test_uncompressed_values_beyond_the_stored_bits_may_be_padding(tmp_path, write_dicom):
    pixels = _samples(12)
    plain = read_image(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12))
    pixels[:, -10:] = 65535
    shown = read_image(write_dicom(tmp_path / "b.dcm", pixels, BitsStored=12, PixelPaddingValue=65535))
    assert (shown[:, -10:] == 0).all()
    np.testing.assert_array_equal(shown[:, :-10], plain[:, :-10])


@pytest.mark.parametrize(("channels", "says"), [(3, 1), (1, 3)])
def test_colour_under_a_header_of_grey_and_the_reverse(compressed, channels, says):
    stream = io.BytesIO()
    grey = Image.fromarray(_samples(8))
    (grey if channels == 1 else grey.convert("RGB")).save(stream, "JPEG")
    more = {"SamplesPerPixel": says, "PhotometricInterpretation": "RGB" if says == 3 else "MONOCHROME2"}
    more |= {"PlanarConfiguration": 0, "BitsAllocated": 8, "PixelData": encapsulate([stream.getvalue()])}
    path = compressed("baseline", 8, 8, **more)
    with pytest.raises(ImageError, match=f"does not decode: {channels} compressed channels under a header of {says}"):
        read_image(path)


@pytest.mark.parametrize(
    ("coding", "bits", "named"),
    [
        ("jpeg-ls", 12, uid.JPEGLosslessSV1),
        ("lossless", 12, uid.JPEGBaseline8Bit),
        ("baseline", 8, uid.JPEGLSLossless),
        ("jpeg 2000", 12, uid.JPEGBaseline8Bit),
    ],
)
def test_a_stream_of_another_coding_than_its_header_says(compressed, coding, bits, named):
    assert _off(compressed(coding, bits, bits, TransferSyntaxUID=named)) < 0.02


def test_a_stream_that_is_not_compressed_pixels_is_refused(compressed):
    path = compressed("baseline", 8, 8, PixelData=encapsulate([b"quux" * 400]))
    with pytest.raises(ImageError, match=r"its pixels are not JPEG Baseline \(Process 1\), as its header says"):
        read_image(path)
