"""The stored samples of a DICOM file, whatever they are compressed with.

Uncompressed pixels, RLE, JPEG and JPEG 2000 are read with what is always installed. Lossless JPEG, JPEG-LS and JPEG of
12 bits need imagecodecs (the extra `dicom`): 26 MB that few need, under the BSD licence. Of pydicom's own plugins for
these, pylibjpeg-libjpeg is under the GPL, and GDCM ends the whole process at some damaged streams.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.dicom_elements import content, hush, read_elements
from birads_zoo.data.dicom_header import Header
from birads_zoo.data.images import ImageError

_PIXELS = "PixelData"
_RLE = "1.2.840.10008.1.2.5"
_LONGEST_RUN = 128  # bytes; an encoder's last run may go that far beyond the picture
_JPEG = ("1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_PLUGINS = {  # pydicom's, by transfer syntax; pixels as they are need none
    "1.2.840.10008.1.2": "",
    "1.2.840.10008.1.2.1": "",
    "1.2.840.10008.1.2.2": "",
    _RLE: "pydicom",
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.90": "pillow",
    "1.2.840.10008.1.2.4.91": "pillow",
}


def read_stored(path: Path, header: Header) -> NDArray[Any]:
    """Return the stored samples of the file's picture: H×W of grey; of colour H×W×3 (RGB), or H×W×1 (its luma).

    Bits above the stored ones, and the sign, are as the file or its decoder left them.

    Raises:
        ImageError: "no pixels", "no decoder" for a compression that nothing installed reads, "does not decode".

    """
    _, dataset = read_elements(path, (_PIXELS,), pixels=True)
    data = content(dataset, _PIXELS)
    if not data:
        raise ImageError("no pixels", "the file has no PixelData")
    try:
        if header.syntax in _PLUGINS:
            pixels = _decoded(data, header, getattr(dataset.get_item(_PIXELS, keep_deferred=True), "VR", None))
        elif header.syntax in (*_JPEG, *_JPEG_LS):
            pixels = _decoded_by_imagecodecs(_stream(data, header), header)
        else:
            raise ImageError("no decoder", f"pixels in {syntax_name(header.syntax)} are not read; save them losslessly")
    except ImageError:
        raise
    except Exception as error:  # what broken bytes make a decoder raise is open, and its text may hold what they say
        detail = f"damaged pixels in {syntax_name(header.syntax)} ({type(error).__name__})"
        raise ImageError("does not decode", detail) from None
    if pixels.shape[:2] != (header.rows, header.columns):
        raise ImageError("does not decode", "its pixels are not as many as its header says")
    return pixels


def _decoded(data: bytes, header: Header, vr: str | None) -> NDArray[Any]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    hush()
    decoder = get_decoder(UID(header.syntax))
    if decoder.is_encapsulated:
        stream = _stream(data, header)
        if header.syntax == _RLE:
            _check_runs(stream, header)
    options: dict[str, Any] = {  # pydicom's annotations of these are none that a value could have
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": header.samples,
        "photometric_interpretation": header.photometric,
        "planar_configuration": header.planar,
        "bits_allocated": header.allocated,
        "bits_stored": header.stored,
        "pixel_representation": int(header.signed),
        "number_of_frames": 1,
        "pixel_keyword": _PIXELS,
        "pixel_vr": vr or "OW",
        "allow_excess_frames": False,
    }
    pixels, found = decoder.as_array(data, index=0, raw=True, decoding_plugin=_PLUGINS[header.syntax], **options)
    luma_first = header.display is None and str(found["photometric_interpretation"]).startswith("YBR")
    return pixels[..., :1] if luma_first else pixels  # the Y of YBR is ITU-R 601 luma (PS3.3, C.7.6.3.1.2)


def _decoded_by_imagecodecs(stream: bytes, header: Header) -> NDArray[Any]:
    if header.display is None:
        raise ImageError("no decoder", f"colour in {syntax_name(header.syntax)} is not read; save it as grey")
    try:
        import imagecodecs
    except ImportError:
        detail = f"pixels in {syntax_name(header.syntax)} need the extra: pip install 'birads-zoo[dicom]'"
        raise ImageError("no decoder", detail) from None
    decode = imagecodecs.jpeg8_decode if header.syntax in _JPEG else imagecodecs.jpegls_decode
    return np.asarray(decode(stream))


def _stream(data: bytes, header: Header) -> bytes:
    """Return the one compressed picture, after its own size was held against the header's: nothing is unpacked yet."""
    from pydicom.encaps import get_frame

    hush()
    stream = get_frame(data, 0, number_of_frames=1)
    size = _stream_size(stream)
    if size is not None and size != (header.columns, header.rows):
        detail = f"{size[0]}×{size[1]} compressed pixels under a header of {header.columns}×{header.rows}"
        raise ImageError("does not decode", detail)
    return stream


def _check_runs(stream: bytes, header: Header) -> None:
    """Hold what an RLE stream (PS3.5, annex G) unpacks to against the header, by its run lengths: nothing is unpacked.

    It may be 64 times as long as the stream, whatever size the header gives; pydicom unpacks it all.
    """
    count, *starts = struct.unpack("<16L", stream[:64])
    if count != header.samples * header.allocated // 8:
        raise ImageError("does not decode", "its run lengths have not as many segments as its header says")
    most = header.rows * header.columns + _LONGEST_RUN
    for start, end in zip(starts[:count], [*starts[1:count], len(stream)], strict=True):
        segment = stream[start:end]
        at = unpacked = 0
        while at < len(segment):
            run = segment[at]
            if run < _LONGEST_RUN:  # run + 1 bytes as they are
                at += run + 2
                unpacked += run + 1
            elif run > _LONGEST_RUN:  # one byte, 257 - run times
                at += 2
                unpacked += 257 - run
            else:
                at += 1
            if unpacked > most:
                raise ImageError("does not decode", "its run lengths unpack to more pixels than its header says")


def _stream_size(stream: bytes) -> tuple[int, int] | None:
    """Return (width, height) from a JPEG, JPEG-LS (ITU-T T.81, T.87) or JPEG 2000 (T.800) stream; None for RLE."""
    if stream[:2] == b"\xff\xd8":
        at = 2
        while at + 9 <= len(stream):
            marker, length = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
            if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
                height, width = struct.unpack(">HH", stream[at + 5 : at + 9])
                return width, height
            at += 2 + length
        raise ValueError("no frame header")
    if found := re.search(rb"\xff\x4f\xff\x51", stream[:4096]):
        width, height, left, top = struct.unpack(">4L", stream[found.end() + 4 : found.end() + 20])
        return width - left, height - top
    return None


def syntax_name(syntax: str) -> str:
    """Return a transfer syntax's name; not its UID, for an unknown one may be anything."""
    from pydicom.uid import UID

    name = UID(syntax).name
    return "an unknown transfer syntax" if name == syntax else name
