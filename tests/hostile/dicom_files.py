"""Hostile DICOM files in every transfer syntax that is read, and in some that are not."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from hostile.case import Case, Content, as_file, damaged

ROWS, COLUMNS = 96, 64
LARGEST = 8900  # pixels of a side of the largest picture that is read
SYNTAXES = (
    *("ImplicitVRLittleEndian", "ExplicitVRLittleEndian", "ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian"),
    *("RLELossless", "JPEGBaseline8Bit", "JPEGExtended12Bit", "JPEGLossless", "JPEGLosslessSV1"),
    *("JPEGLSLossless", "JPEGLSNearLossless", "JPEG2000Lossless", "JPEG2000"),
)


def cases() -> Iterator[Case]:
    for syntax in SYNTAXES:
        whole = partial(dicom, syntax)
        read = syntax != "DeflatedExplicitVRLittleEndian"  # which could unpack to any size
        yield as_file("picture", f"DICOM {syntax}, whole", whole, "a.dcm", refused=not read, control=read)
        yield from damaged("picture", f"DICOM {syntax}", whole, "a.dcm", flips=4)
    for name, content in (*_streams(), *_headers(), *_structure()):
        yield as_file("picture", f"DICOM {name}", content, "a.dcm")
    for name, content in _odd_but_usable():
        yield as_file("picture", f"DICOM {name}", content, "a.dcm", refused=False, heavy=f"{LARGEST}²" in name)


@cache
def dicom(
    syntax: str, rows: int = ROWS, columns: int = COLUMNS, stream: bytes | None = None, **elements: object
) -> bytes:
    """Return a mammogram in a transfer syntax: noise, or black if it is another size. `stream` replaces its pixels."""
    import pydicom
    from pydicom.encaps import encapsulate

    uid = getattr(pydicom.uid, syntax)
    bits = 8 if syntax == "JPEGBaseline8Bit" else 12
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if stream is None and (rows, columns) == (ROWS, COLUMNS):
        pixels = np.random.default_rng(0).integers(0, 1 << bits, (rows, columns)).astype(dtype)
    elif stream is None:
        pixels = np.zeros((rows, columns), dtype)
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid
    values = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2", "SOPInstanceUID": "1.2.3", "Modality": "MG"}
    values |= {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": rows, "Columns": columns}
    values |= {"BitsAllocated": 8 * dtype.itemsize, "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": 0}
    for name, value in (values | elements).items():
        setattr(dataset, name, value)
    if uid.is_encapsulated:
        dataset.add_new("PixelData", "OB", encapsulate([stream if stream is not None else encoded(syntax, pixels)]))
        dataset["PixelData"].is_undefined_length = True
    else:
        order = ">" if syntax == "ExplicitVRBigEndian" else "<"
        dataset.add_new("PixelData", "OW", stream if stream is not None else pixels.astype(f"{order}u2").tobytes())
    file = io.BytesIO()
    little = syntax != "ExplicitVRBigEndian"
    dataset.save_as(file, implicit_vr=syntax.startswith("Implicit"), little_endian=little, enforce_file_format=True)
    return file.getvalue()


def encoded(syntax: str, pixels: np.ndarray) -> bytes:
    """Return a compressed stream."""
    import imagecodecs
    from pydicom.pixels.encoders import RLELosslessEncoder

    if syntax == "RLELossless":
        rows, columns = pixels.shape
        options = {"rows": rows, "columns": columns, "samples_per_pixel": 1, "bits_allocated": 16, "bits_stored": 12}
        options |= {"photometric_interpretation": "MONOCHROME2", "pixel_representation": 0, "number_of_frames": 1}
        return RLELosslessEncoder.encode(pixels, encoding_plugin="pydicom", **options)
    if syntax == "JPEGBaseline8Bit":
        return imagecodecs.jpeg8_encode(pixels)
    if syntax == "JPEGExtended12Bit":
        return imagecodecs.jpeg8_encode(pixels, level=90, bitspersample=12)
    if syntax.startswith("JPEGLossless"):
        return imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12, predictor=1)
    if syntax.startswith("JPEGLS"):
        return imagecodecs.jpegls_encode(pixels, level=0 if syntax == "JPEGLSLossless" else 2)
    reversible = syntax == "JPEG2000Lossless"
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12, reversible=reversible, level=0)


def _streams() -> Iterator[tuple[str, Content]]:
    """Yield compressed files whose stream is not what the header says."""
    compressed = SYNTAXES[4:]
    for at, syntax in enumerate(compressed):
        yield f"{syntax}, a stream of zeros", partial(dicom, syntax, stream=bytes(64))
        yield f"{syntax}, a stream of noise", partial(dicom, syntax, stream=np.random.default_rng(at).bytes(4000))
        yield (
            f"{syntax}, a header of another size",
            partial(dicom, syntax, ROWS + 32, COLUMNS, stream=b"\xff\xd8\xff\xf7"),
        )
    black = np.zeros((5000, 5000), np.uint16)
    for syntax in ("JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"):

        def larger(syntax: str) -> bytes:
            return dicom(syntax, stream=encoded(syntax, black))

        yield f"{syntax}, 5000² pixels under a header of 96×64", partial(larger, syntax)
    yield (
        "JPEG2000Lossless, of 2³¹ columns by its stream",
        lambda: dicom("JPEG2000Lossless", stream=_j2k_of(2**31, 2**31)),
    )
    yield (
        "JPEG2000Lossless, with 16,384 channels",
        lambda: dicom("JPEG2000Lossless", stream=_j2k_of(COLUMNS, ROWS, 16_384)),
    )
    runs = struct.pack("<16L", 2, 64, 64 + 2_000_000, *[0] * 13) + b"\x81\0" * 2_000_000
    yield "RLELossless, runs that unpack to 250 MB", lambda: dicom("RLELossless", stream=runs)
    yield (
        "RLELossless, 4 billion segments",
        lambda: dicom("RLELossless", stream=struct.pack("<L", 2**32 - 1) + bytes(99)),
    )


def _j2k_of(width: int, height: int, channels: int = 1) -> bytes:
    """Return a JPEG 2000 stream whose header has another size or number of channels."""
    stream = encoded("JPEG2000Lossless", np.zeros((ROWS, COLUMNS), np.uint16))
    at = stream.index(b"\xff\x51") + 6
    changed = stream[:at] + struct.pack(">LL", width, height) + stream[at + 8 :]
    return changed[: at + 32] + struct.pack(">H", channels) + changed[at + 34 :]


def _headers() -> Iterator[tuple[str, Content]]:
    """Yield files with values that cannot be right."""
    plain = partial(dicom, "ExplicitVRLittleEndian")
    for name, elements in {
        "of height 1": {"rows": 1},
        "of 65535²": {"rows": 65_535, "columns": 65_535, "stream": bytes(64)},
        "of 0 rows": {"rows": 0, "stream": bytes(64)},
        "of 30000²": {"rows": 30_000, "columns": 30_000, "stream": bytes(64)},
        "of 16 samples": {"SamplesPerPixel": 16},
        "of 32 bits": {"BitsAllocated": 32, "BitsStored": 32},
        "of 4 bits in 16, the highest of them 15": {"BitsStored": 4, "HighBit": 15},
        "of 1,000,000 frames": {"NumberOfFrames": 1_000_000},
        "with a window of width 0": {"WindowCenter": 0, "WindowWidth": 0},
        "with a slope of 0": {"RescaleSlope": 0, "RescaleIntercept": 0},
        "of another modality": {"Modality": "CT"},
        "in palette colours": {"PhotometricInterpretation": "PALETTE COLOR"},
        "without pixels": {"stream": b""},
        "with too few pixels": {"stream": bytes(64)},
    }.items():
        yield name, partial(plain, **elements)


def _element(group: int, number: int, kind: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an element in explicit VR, little endian; `length` is what it states."""
    stated = len(value) if length is None else length
    if kind in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return struct.pack("<HH2sHI", group, number, kind, 0, stated) + value
    return struct.pack("<HH2sH", group, number, kind, stated) + value


def _before_pixels(*extra: bytes) -> bytes:
    """Return a whole file with elements before those of group 0028."""
    whole = dicom("ExplicitVRLittleEndian")
    at = whole.index(b"\x28\0\x02\0US")
    return whole[:at] + b"".join(extra) + whole[at:]


def _nested(depth: int, undefined: bool) -> bytes:
    """Return sequences in sequences."""
    content = b""
    for _ in range(depth):
        if undefined:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1) + content + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
            content = _element(0x18, 0x9004, b"SQ", item + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0), 2**32 - 1)
        else:
            content = _element(0x18, 0x9004, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content)
    return content


def _structure() -> Iterator[tuple[str, Content]]:
    start = bytes(128) + b"DICM"
    yield "that is only the prefix", start
    yield "whose first element states 4 GB", start + _element(2, 0x10, b"UT", b"", 2**32 - 1)
    yield "with an element of 4 GB", lambda: _before_pixels(_element(0x18, 0x10, b"UT", b"", 2**32 - 2))
    yield "that unpacks to 300 MB", _deflated_bomb


def _deflated_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(bytes(300_000_000)) + packer.flush()
    meta = _element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1.99")
    return bytes(128) + b"DICM" + _element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + packed


def _odd_but_usable() -> Iterator[tuple[str, Content]]:
    yield "with 500 nested sequences", lambda: _before_pixels(_nested(500, undefined=True))
    yield "with 20,000 nested sequences", lambda: _before_pixels(_nested(20_000, undefined=True))
    yield "with 3000 nested sequences of known length", lambda: _before_pixels(_nested(3000, undefined=False))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    yield "with a sequence of 300,000 items", lambda: _before_pixels(_element(0x18, 0x9004, b"SQ", item * 300_000))
    small = b"".join(_element(0x19, 0x1000 + number, b"CS", b"") for number in range(0xE000))
    yield "with 57,000 private elements", lambda: _before_pixels(small)
    yield (
        "with a character set that does not exist",
        _of_no_alphabet,
    )
    for syntax in ("RLELossless", "JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless"):
        yield f"{syntax}, black, of {LARGEST}²", partial(dicom, syntax, LARGEST, LARGEST)
    yield f"JPEG, black, of {LARGEST}² in colour", _colour


def _colour() -> bytes:
    import imagecodecs

    stream = imagecodecs.jpeg8_encode(np.zeros((LARGEST, LARGEST, 3), np.uint8))
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 0}
    return dicom("JPEGBaseline8Bit", LARGEST, LARGEST, stream=stream, **colour)


def _of_no_alphabet() -> bytes:
    return dicom("ExplicitVRLittleEndian", SpecificCharacterSet="ISO_IR 100").replace(b"ISO_IR 100", b"ISO_IR 999")
