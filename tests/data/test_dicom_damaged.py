"""DICOM files with any bytes changed: each gives a picture or a reason, and no message identifies the patient."""

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError

RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (16, 1))
SECRETS = ("quux", "zelda", "0815", "19700401", "clinic", "physician")


def _read(path):
    """Return a picture, or the reason why there is none."""
    try:
        return read_image(path)
    except ImageError as error:
        return error


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_changed_anywhere_give_a_picture_or_a_reason(tmp_path, write_dicom, data):
    path = tmp_path / "a.dcm"
    if not path.exists():
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [64, 0, 8])
        item.add_new("LUTData", "US", list(range(64)))
        write_dicom(path, RAMP, BitsStored=12, VOILUTSequence=Sequence([item]), PixelPaddingValue=0, RescaleSlope="1")
        (tmp_path / "whole").write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    places = st.tuples(st.integers(128, len(content) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(places, max_size=8)):
        content[at] = value
    path.write_bytes(content[: data.draw(st.integers(132, len(content)))] if data.draw(st.booleans()) else content)
    result = _read(path)
    assert isinstance(result, ImageError) or result.dtype in (np.uint8, np.uint16)
    if isinstance(result, ImageError):
        assert not any(secret in str(result).lower() for secret in SECRETS), str(result)


@pytest.mark.slow
def test_any_bytes_of_a_bare_data_set_give_a_picture_or_a_reason(tmp_path, write_dicom):
    whole = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12).read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    generator = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(whole[start:])
        for at in generator.integers(0, 700, int(generator.integers(1, 6))):
            broken[at] = generator.integers(0, 256)
        (tmp_path / "b").write_bytes(broken)
        result = _read(tmp_path / "b")
        assert not any(secret in str(result).lower() for secret in SECRETS), str(result)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
def test_damaged_compressed_pixels(tmp_path, write_dicom, syntax):
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 64)).astype(np.uint16)
    path = write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12)
    if syntax == uid.RLELossless:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
    else:
        stream = {
            uid.JPEGLosslessSV1: lambda: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
            uid.JPEGLSLossless: lambda: imagecodecs.jpegls_encode(pixels),
            uid.JPEG2000Lossless: lambda: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12),
        }[syntax]()
        options = {"Rows": 40, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
        write_dicom(path, encapsulate([stream]), TransferSyntaxUID=syntax, **options)
    content = path.read_bytes()
    start = content.rindex(b"\xe0\x7f\x10\x00")
    generator = np.random.default_rng(1)
    for _ in range(100):
        broken = bytearray(content)
        for at in generator.integers(start, len(content), int(generator.integers(1, 20))):
            broken[at] = generator.integers(0, 256)
        path.write_bytes(broken)
        result = _read(path)
        if isinstance(result, ImageError):
            # Damaged run lengths cannot be distinguished from samples of more bits than the header says.
            known = ("does not decode", "no pixels", *(["implausible header"] if syntax == uid.RLELossless else []))
            assert result.reason in known, str(result)
        else:
            assert result.shape == (40, 64)
