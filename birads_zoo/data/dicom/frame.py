"""Reads the headers of compressed pictures: the first bytes of JPEG, JPEG-LS and JPEG 2000 streams."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

Coding = Literal["JPEG", "lossless JPEG", "JPEG-LS", "JPEG 2000"]

_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)  # start-of-frame markers: ITU-T T.81, table B.1
_JPEG_LS = 0xF7  # T.87, annex C
_NO_FRAME = (0xC4, 0xC8, 0xCC)
_START_OF_SCAN = b"\xff\xda"
_END = b"\xff\xd9"
_MOST_STEPS = 10_000
_MOST_SCANS = 100  # encoders write about ten
_FILL = re.compile(rb"\xff*(?=\xff)")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A compressed picture's size and `channels`, and a sample's `bits` and sign, as the stream itself says."""

    coding: Coding
    width: int
    height: int
    channels: int
    bits: int
    signed: bool


def read_frame(stream: bytes) -> Frame | None:
    """Read a stream's own header; `None` for a stream without one, such as run lengths. Nothing is unpacked.

    Raises:
        ValueError, struct.error: for a JPEG stream without a frame header, or one that ends within it.

    """
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    if match := re.search(rb"\xff\x4f\xff\x51", stream[:4096]):
        return _jpeg_2000(stream, match.end())
    return None


def has_too_many_scans(stream: bytes) -> bool:
    """Return whether a JPEG stream has more than 100 scans.

    A scan of ten bytes may make a decoder look at every block of a picture, so a small file could take minutes
    ("Two Issues with the JPEG Standard", libjpeg-turbo project, 2015).
    """
    return stream.count(_START_OF_SCAN) > _MOST_SCANS


def has_long_header(stream: bytes) -> bool:
    """Return whether a JPEG file has more than 10,000 segments before its pixels, or fill bytes or others between them.

    Pillow reads these one by one, so a file of 100 MB could take minutes.
    """
    at, left = 2, _MOST_STEPS
    while at + 4 <= len(stream):
        marker = stream.find(b"\xff", at)
        marker = _marker(stream, marker) if marker >= 0 else len(stream)
        left -= 1 + marker - at
        if left < 0:
            return True
        kind = stream[marker : marker + 2]
        if kind in (_START_OF_SCAN, _END):
            return False
        alone = kind == b"\xff\0" or (b"\xff\xd0" <= kind <= b"\xff\xd8")
        at = marker + 2 + (0 if alone else int.from_bytes(stream[marker + 2 : marker + 4], "big"))
    return False


def _jpeg(stream: bytes) -> Frame:
    at = _marker(stream, 2)
    while at + 10 <= len(stream):
        marker, length = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker == _JPEG_LS or (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME):
            bits, height, width, channels = struct.unpack(">BHHB", stream[at + 4 : at + 10])
            coding: Coding = "JPEG-LS" if marker == _JPEG_LS else "lossless JPEG" if marker in _LOSSLESS else "JPEG"
            return Frame(coding=coding, width=width, height=height, channels=channels, bits=bits, signed=False)
        at = _marker(stream, at + 2 + length)
    raise ValueError("no frame header")


def _marker(stream: bytes, at: int) -> int:
    """Return the position of the next marker. Any number of bytes 0xFF may come before it (T.81, B.1.1.2)."""
    fill = _FILL.match(stream, at)
    return fill.end() if fill else at


def _jpeg_2000(stream: bytes, at: int) -> Frame:
    """Read the SIZ segment (T.800, A.5.1), whose length field is at position `at`."""
    width, height, left, top = struct.unpack(">4L", stream[at + 4 : at + 20])
    channels, depth = struct.unpack(">HB", stream[at + 36 : at + 39])
    return Frame(
        coding="JPEG 2000",
        width=width - left,
        height=height - top,
        channels=channels,
        bits=1 + (depth & 0x7F),
        signed=depth >= 0x80,
    )
