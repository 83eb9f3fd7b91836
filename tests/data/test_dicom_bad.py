"""Wrong DICOM files: each has a reason, none ends the run, and no message identifies the patient."""

import logging
import os
import struct
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from birads_zoo.data.decoding.images import is_deep, is_dicom, read_image
from birads_zoo.data.picture import ImageError

RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (16, 1))
SECRETS = ("quux", "zelda", "0815", "19700401", "clinic", "physician")


def _refused(path):
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert not any(secret in str(caught.value).lower() for secret in SECRETS), str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("elements", "reason", "detail"),
    [
        ({"Rows": None}, "incomplete header", "it has no Rows"),
        ({"Columns": None}, "incomplete header", "it has no Columns"),
        ({"BitsAllocated": None}, "incomplete header", "it has no BitsAllocated"),
        ({"BitsStored": None}, "incomplete header", "it has no BitsStored"),
        ({"PhotometricInterpretation": None}, "incomplete header", "it has no PhotometricInterpretation"),
        ({"PixelData": None}, "no pixels", "the file has no PixelData"),
        ({"Rows": 65535, "Columns": 65535}, "too large", "65535×65535 pixels; 80 megapixels are the most"),
        ({"Rows": 8}, "too small", "64×8 pixels; a side needs 16"),
        ({"Rows": 0}, "too small", "64×0"),
        ({"Rows": 4000}, "does not decode", "damaged pixels in Explicit VR Little Endian"),
        ({"BitsStored": 17}, "implausible header", "1 samples of 17 bits in 16"),
        ({"BitsStored": 12, "HighBit": 15}, "implausible header", "the highest of them 15"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "implausible header", "32 bits in 32"),
        ({"PixelRepresentation": 2}, "implausible header", "representation 2"),
        ({"SamplesPerPixel": 3}, "implausible header", "3 samples"),
        ({"NumberOfFrames": "50"}, "several frames", "a tomosynthesis or a series"),
        ({"Modality": "CT"}, "not a mammogram", "its modality is CT, not MG"),
        ({"Modality": "DX"}, "not a mammogram", "its modality is DX, not MG"),
        ({"Modality": "QUUX ZELDA"}, "not a mammogram", "its modality is another kind, not MG"),
        ({"Modality": "QUUX"}, "not a mammogram", "its modality is another kind, not MG"),
        ({"SeriesDescription": "ROI mask images"}, "not a mammogram", "a mask or a cut-out"),
        ({"SeriesDescription": "cropped images"}, "not a mammogram", "a mask or a cut-out"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "raw image", "give the processed one"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}, "raw image", "give the processed one"),
        (
            {"PhotometricInterpretation": "PALETTE COLOR"},
            "does not decode",
            "PALETTE COLOR pixels are not grey levels; save it as MONOCHROME2",
        ),
        ({"PhotometricInterpretation": "QUUX"}, "does not decode", "unknown pixels are not grey levels"),
        (
            {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
            "does not decode",
            "colour of 3 samples of 16 bits; save it as grey",
        ),
        ({"WindowCenter": "5"}, "incomplete header", "one of them is missing"),
        ({"WindowCenter": "5", "WindowWidth": "0"}, "implausible header", "its WindowWidth is 0"),
        ({"WindowCenter": "5", "WindowWidth": "0.5"}, "implausible header", "its WindowWidth is 0.5"),
        (
            {"WindowCenter": "5", "WindowWidth": "9", "VOILUTFunction": "QUUX"},
            "implausible header",
            "is none of LINEAR",
        ),
        ({"RescaleSlope": "0"}, "implausible header", "its RescaleSlope is 0"),
        ({"RescaleSlope": "1e308"}, "implausible header", "grey values that are not finite"),
        (
            {"RescaleSlope": "1e308", "WindowCenter": "5", "WindowWidth": "9"},
            "implausible header",
            "grey values that are not finite",
        ),
        (
            {"RescaleSlope": "1e-30", "RescaleIntercept": "1e10"},
            "implausible header",
            "grey values that are not finite",
        ),
        ({"ShutterShape": "RECTANGULAR"}, "incomplete header", "its rectangular shutter lacks an edge"),
    ],
)
def test_each_wrong_header_has_its_reason(tmp_path, write_dicom, recwarn, elements, reason, detail):
    path = write_dicom(tmp_path / "a.dcm", RAMP, **elements)
    recwarn.clear()
    error = _refused(path)
    assert not recwarn.list
    assert error.reason == reason
    assert detail in error.detail


@pytest.mark.parametrize("modality", ["", None, "MG", "CR", "OT"])
def test_films_of_the_breast_under_other_modalities_are_read(tmp_path, write_dicom, modality):
    path = write_dicom(tmp_path / "a.dcm", RAMP, Modality=modality, BodyPartExamined="BREAST")
    assert read_image(path).shape == RAMP.shape


@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    ("descriptor", "data", "detail"),
    [
        ([4, 0, 8], [0, 1, 2], "has 6 bytes for 4 entries"),
        ([4, 0, 8], [0, 1, 2, 300], "has entries beyond its 8 bits"),
        ([4, 0, 40], [0, 1, 2, 3], "has entries beyond its 40 bits"),
        ([4, 0], [0, 1, 2, 3], "has no LUTDescriptor of three numbers"),
    ],
)
def test_impossible_tables_are_refused(tmp_path, write_dicom, name, descriptor, data, detail):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "US", data)
    error = _refused(write_dicom(tmp_path / "a.dcm", RAMP, **{name: Sequence([item])}))
    assert (error.reason, error.detail.endswith(detail)) == ("implausible header", True)


def _element(path, tag, vr, value):
    """Replace the file's element of that tag by one of any VR and any bytes (explicit, little-endian)."""
    content = path.read_bytes()
    head = struct.pack("<HH", *tag)
    at = content.index(head, 132)
    length = struct.unpack("<H", content[at + 6 : at + 8])[0]
    made = head + vr + struct.pack("<H", len(value)) + value
    path.write_bytes(content[:at] + made + content[at + 8 + length :])
    return path


@pytest.mark.parametrize(
    ("vr", "value", "detail"),
    [
        (b"DS", b"4096", "its Rows has 4 bytes, not 2"),
        (b"US", b"", "it has no Rows"),
        (b"US", b"\x10\x00\x10\x00", "its Rows has 4 bytes, not 2"),
        (b"PN", b"Quux^Zelda", "its Rows has 10 bytes, not 2"),
    ],
)
def test_an_element_of_another_type_is_refused(tmp_path, write_dicom, vr, value, detail):
    path = _element(write_dicom(tmp_path / "a.dcm", RAMP), (0x0028, 0x0010), vr, value)
    assert detail in _refused(path).detail


def test_a_window_that_is_text_is_refused(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", RAMP, WindowCenter="5", WindowWidth="9")
    assert _refused(_element(path, (0x0028, 0x1050), b"DS", b"Quux^")).detail == "its WindowCenter is not a number"
    assert _refused(_element(path, (0x0028, 0x1050), b"DS", b"nan ")).detail == "its WindowCenter is not a number"


def test_compressed_pixels_of_another_size_are_not_unpacked(tmp_path, write_dicom):
    options = {"Rows": 64, "Columns": 64, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    bomb = b"\xff\xd8\xff\xc3\x00\x0b\x0c\xff\xff\xff\xff\x01\x01\x11\x00" + bytes(100)
    path = write_dicom(tmp_path / "a.dcm", encapsulate([bomb]), TransferSyntaxUID=uid.JPEGLosslessSV1, **options)
    assert _refused(path).detail == "65535×65535 compressed pixels under a header of 64×64"
    bomb = b"\xff\x4f\xff\x51" + struct.pack(">HH8L", 47, 0, 60000, 50000, 0, 0, 60000, 50000, 0, 0) + bytes(100)
    path = write_dicom(tmp_path / "b.dcm", encapsulate([bomb]), TransferSyntaxUID=uid.JPEG2000Lossless, **options)
    assert _refused(path).detail == "60000×50000 compressed pixels under a header of 64×64"


def test_transfer_syntaxes_that_are_not_read(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    content = path.read_bytes()
    plain = uid.ExplicitVRLittleEndian.encode() + b"\0"
    for other, reason, detail in [
        (uid.DeflatedExplicitVRLittleEndian, "does not decode", "a deflated DICOM file"),
        (uid.MPEG2MPML, "no decoder", "MPEG2"),
        ("1.2.3.4.5.6", "no decoder", "pixels in an unknown transfer syntax"),
    ]:
        named = other.encode() + b"\0" * (len(other) % 2)
        at = content.index(plain)
        path.write_bytes(content[: at - 2] + struct.pack("<H", len(named)) + named + content[at + len(plain) :])
        error = _refused(path)
        assert error.reason == reason
        assert detail in error.detail


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 132,
        b"\0" * 128 + b"DICM",
        b"\0" * 128 + b"DICM" + b"\xff" * 1000,
        b"\0" * 128 + b"DICM" + bytes(999),
    ],
)
def test_tiny_files_are_refused(tmp_path, content):
    (tmp_path / "a.dcm").write_bytes(content)
    _refused(tmp_path / "a.dcm")
    assert not is_deep(tmp_path / "a.dcm")


def test_deeply_nested_sequences_are_refused(tmp_path):
    """5000 nested sequences are deeper than any reader's stack."""
    nested = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    meta = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", 20) + b"1.2.840.10008.1.2.1\0"
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM" + meta + nested * 5000)
    assert _refused(tmp_path / "a.dcm").reason in ("does not decode", "incomplete header")


def test_random_bytes_after_the_preamble_are_refused(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(200):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(b"\0" * 128 + b"DICM" + generator.bytes(int(generator.integers(1, 2000))))
        assert is_dicom(path)
        _refused(path)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x08\0",
        b"\x08\0\x05\0" * 50,
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100" * 50,  # the same element again and again
        b"\x08\0\x05\0CS\x09\0ISO_IR 10" + b"\x08\0\x08\0CS\x02\0A\0" + b"\x08\0\x16\0UI\x02\x001\0",  # odd length
        b"\x02\0\0\0UL\x04\0\0\0\0\0" + b"\xff" * 900,
        b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100" + b"\x08\0\x08\0CS\x02\0A\0" + b"\x08\0\x16\0UI\x02\x001\0",  # mixed
        b"II*\0\x08\0\0\0" * 90,
        b"patient,birads\nQUUX,4\n" * 50,
    ],
)
def test_bytes_that_are_not_a_data_set_are_not_recognised_as_one(tmp_path, start):
    (tmp_path / "a").write_bytes(start + bytes(900))
    assert not is_dicom(tmp_path / "a")


def test_a_bare_data_set_that_is_deflated_is_not_unpacked(tmp_path):
    meta = b"\x02\0\0\0UL\x04\0\x1e\0\0\0" + b"\x02\0\x02\0UI\x02\x001\0"
    meta += b"\x02\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99"
    (tmp_path / "a").write_bytes(meta + bytes(900))
    assert is_dicom(tmp_path / "a")
    assert _refused(tmp_path / "a").detail == "a deflated DICOM file; save it in another transfer syntax"


def test_run_lengths_with_too_many_pixels_are_not_unpacked(tmp_path, write_dicom, monkeypatch):
    def unpack(*_):
        pytest.fail("it was unpacked")

    monkeypatch.setattr("pydicom.pixels.decoders.rle._rle_decode_segment", unpack)
    shape = {"Rows": 64, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "PixelRepresentation": 0}
    for packed in (b"\x81\x00" * 10_000, (b"\x7f" + b"\x01" * 128) * 100):
        stream = encapsulate([struct.pack("<16L", 1, 64, *[0] * 14) + packed])
        path = write_dicom(tmp_path / "a.dcm", stream, TransferSyntaxUID=uid.RLELossless, **shape)
        message = "does not decode: its run lengths unpack to more pixels than its header says"
        assert str(_refused(path)) == message


def test_no_warning_or_log_quotes_the_header(tmp_path, write_dicom, caplog, recwarn):
    path = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12, SpecificCharacterSet="QUUX 1", PatientAge="x")
    with caplog.at_level(logging.DEBUG):
        read_image(path)
    _element(path, (0x0028, 0x0010), b"PN", b"Quux^Zelda")
    with caplog.at_level(logging.DEBUG):
        _refused(path)
    output = (caplog.text + "".join(str(warning.message) for warning in recwarn)).lower()
    assert not any(secret in output for secret in SECRETS if secret != "quux"), output


def test_reading_never_unpickles(tmp_path, write_dicom):
    """A private element with a pickle is skipped like any other."""
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    dataset = pydicom.dcmread(path)
    block = dataset.private_block(0x0099, "QUUX", create=True)
    block.add_new(0x01, "OB", b"cos\nsystem\n(S'touch ran'\ntR.")
    dataset.save_as(path)
    imports = "from pathlib import Path; from birads_zoo.data.decoding.images import read_image"
    code = f"{imports}; read_image(Path({str(path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ})
    assert not (tmp_path / "ran").exists()
