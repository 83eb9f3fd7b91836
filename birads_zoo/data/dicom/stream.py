"""Decodes the stored samples of a DICOM file, compressed or not.

Uncompressed pixels, RLE, JPEG and JPEG 2000 need no extra package. Lossless JPEG, JPEG-LS and 12-bit JPEG need
imagecodecs (the extra `dicom`): 26 MB that few users need, under the BSD licence. pydicom's own plugins for these are
not used: pylibjpeg-libjpeg is under the GPL, and GDCM ends the whole process on some damaged streams.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.dicom.elements import content, read_elements, silence_warnings
from birads_zoo.data.dicom.frame import Frame, has_too_many_scans, read_frame
from birads_zoo.data.dicom.header import Header
from birads_zoo.data.picture import ImageError
from birads_zoo.files.refusal import refuse_if_passing

_PIXELS = "PixelData"
_RLE = "1.2.840.10008.1.2.5"
_LONGEST_RUN = 128  # bytes; an encoder's last run may end that far beyond the picture
_JPEG, _JPEG_2000 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"
_PLUGINS = {  # pydicom's plugins by transfer syntax; uncompressed pixels need none
    "1.2.840.10008.1.2": "",
    "1.2.840.10008.1.2.1": "",
    "1.2.840.10008.1.2.2": "",
    _RLE: "pydicom",
}
_STREAMS = (  # JPEG, JPEG-LS and JPEG 2000; the stream itself says which it is
    *(_JPEG, "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),
    *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"),
    *(_JPEG_2000, "1.2.840.10008.1.2.4.91"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """The stored samples: H×W for grey; H×W×3 (RGB) or H×W×1 (luma) for colour.

    `bits` is a sample's number of bits by the compressed stream's own header, `None` without such a stream.
    """

    samples: NDArray[Any]
    bits: int | None


def read_stored(path: Path, header: Header) -> Stored:
    """Return the stored samples of the file's picture.

    Bits above the stored ones and the sign are as in the file or from its decoder.

    Raises:
        ImageError: "no pixels", "no decoder" for a compression that no installed package reads, "does not decode".

    """
    dataset = read_elements(path, (_PIXELS,), pixels=True).dataset
    data = content(dataset, _PIXELS)
    if not data:
        raise ImageError("no pixels", "the file has no PixelData")
    vr = getattr(dataset.get_item(_PIXELS, keep_deferred=True), "VR", None)
    frame = None
    try:
        if header.syntax in _PLUGINS:
            if header.syntax == _RLE:
                _check_runs(_stream(data), header)
            pixels = _decoded(data, header, vr, header.syntax, header.allocated, header.stored)
        elif header.syntax in _STREAMS:
            stream = _stream(data)
            frame = _checked_frame(stream, header)
            pixels = _decoded_stream(data, stream, frame, header, vr)
        else:
            raise ImageError("no decoder", f"pixels in {syntax_name(header.syntax)} are not read; save them losslessly")
    except ImageError:
        raise
    except Exception as error:  # broken bytes raise any error, and its text may quote them
        refuse_if_passing(path, error)
        detail = f"damaged pixels in {syntax_name(header.syntax)} ({type(error).__name__})"
        raise ImageError("does not decode", detail) from None
    if pixels.shape[:2] != (header.rows, header.columns):
        raise ImageError("does not decode", "the number of its pixels is not what its header says")
    return Stored(samples=pixels, bits=None if frame is None else frame.bits)


def _decoded_stream(data: bytes, stream: bytes, frame: Frame, header: Header, vr: str | None) -> NDArray[Any]:
    """Decode a stream as its own header says, even if the DICOM header gives another depth, sign or kind of JPEG."""
    if frame.coding in ("lossless JPEG", "JPEG-LS") or (frame.coding == "JPEG" and frame.bits > 8):
        return _decoded_by_imagecodecs(stream, frame, header)
    syntax = _JPEG if frame.coding == "JPEG" else _JPEG_2000
    pixels = _decoded(data, header, vr, syntax, 8 if frame.bits <= 8 else 16, frame.bits)
    if frame.signed and not header.signed:  # the samples are unsigned bits, and Pillow has added half the range
        pixels = pixels ^ pixels.dtype.type(1 << (frame.bits - 1))
    return pixels


def _decoded(data: bytes, header: Header, vr: str | None, syntax: str, allocated: int, stored: int) -> NDArray[Any]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    silence_warnings()
    decoder = get_decoder(UID(syntax))
    options: dict[str, Any] = {  # Any: pydicom's annotations of these options do not fit their values
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": header.samples,
        "photometric_interpretation": header.photometric,
        "planar_configuration": header.planar,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "pixel_representation": int(header.signed),
        "number_of_frames": 1,
        "pixel_keyword": _PIXELS,
        "pixel_vr": vr or "OW",
        "allow_excess_frames": False,
        "correct_unused_bits": False,  # they show whether the header is wrong (see `depth`)
    }
    plugin = _PLUGINS.get(syntax, "pillow")
    pixels, properties = decoder.as_array(data, index=0, raw=True, decoding_plugin=plugin, **options)
    luma_first = header.display is None and str(properties["photometric_interpretation"]).startswith("YBR")
    return pixels[..., :1] if luma_first else pixels  # the Y of YBR is the ITU-R 601 luma (PS3.3, C.7.6.3.1.2)


def _decoded_by_imagecodecs(stream: bytes, frame: Frame, header: Header) -> NDArray[Any]:
    if header.display is None:
        raise ImageError("no decoder", f"colour in {syntax_name(header.syntax)} is not read; save it as grey")
    try:
        import imagecodecs
    except ImportError:
        detail = f"pixels in {syntax_name(header.syntax)} need the extra: pip install 'birads-zoo[dicom]'"
        raise ImageError("no decoder", detail) from None
    decode = imagecodecs.jpegls_decode if frame.coding == "JPEG-LS" else imagecodecs.jpeg8_decode
    return np.asarray(decode(stream))


def _stream(data: bytes) -> bytes:
    """Return the compressed picture."""
    from pydicom.encaps import get_frame

    silence_warnings()
    stream: bytes = get_frame(data, 0, number_of_frames=1)
    return stream


def _checked_frame(stream: bytes, header: Header) -> Frame:
    """Return the stream's own header, after comparing its size with the DICOM header. Nothing is unpacked yet."""
    frame = read_frame(stream)
    if frame is None:
        raise ImageError("does not decode", f"its pixels are not {syntax_name(header.syntax)}, as its header says")
    if (frame.width, frame.height) != (header.columns, header.rows):
        detail = f"{frame.width}×{frame.height} compressed pixels under a header of {header.columns}×{header.rows}"
        raise ImageError("does not decode", detail)
    if frame.channels != header.samples:
        detail = f"{frame.channels} compressed channels under a header of {header.samples}"
        raise ImageError("does not decode", detail)
    if frame.coding == "JPEG" and has_too_many_scans(stream):
        raise ImageError("does not decode", "its JPEG stream has more than 100 scans")
    return frame


def _check_runs(stream: bytes, header: Header) -> None:
    """Compare the unpacked size of an RLE stream (PS3.5, annex G) with the header. Nothing is unpacked for that.

    The unpacked data may be 64 times as long as the stream whatever the header says, and pydicom unpacks all of it.
    """
    count, *starts = struct.unpack("<16L", stream[:64])
    if count != header.samples * header.allocated // 8:
        raise ImageError("does not decode", "its run lengths have another number of segments than its header says")
    most = header.rows * header.columns + _LONGEST_RUN
    for start, end in zip(starts[:count], [*starts[1:count], len(stream)], strict=True):
        segment = stream[start:end]
        at = unpacked = 0
        while at < len(segment):
            run = segment[at]
            if run < _LONGEST_RUN:  # run + 1 bytes, copied
                at += run + 2
                unpacked += run + 1
            elif run > _LONGEST_RUN:  # one byte, 257 - run times
                at += 2
                unpacked += 257 - run
            else:
                at += 1
            if unpacked > most:
                raise ImageError("does not decode", "its run lengths unpack to more pixels than its header says")


def syntax_name(syntax: str) -> str:
    """Return a transfer syntax's name, but never its UID, because an unknown UID may be any text."""
    from pydicom.uid import UID

    name = UID(syntax).name
    return "an unknown transfer syntax" if name == syntax else name
