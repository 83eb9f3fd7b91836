"""Recognises DICOM files by their first bytes: those with the prefix "DICM", and data sets without it."""

from __future__ import annotations

import struct

START = 1024
"""The number of bytes at a file's start that are enough to recognise it."""

_PREAMBLE, _PREFIX = 128, b"DICM"
_FIRST_GROUPS = (0x0002, 0x0008)  # of the file's own elements, and of those that every data set begins with
_ENOUGH = 3  # elements in ascending order with possible lengths: other files do not begin like this by chance
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF


def has_prefix(start: bytes) -> bool:
    """Return whether a file's first bytes have the DICOM prefix (PS3.10, 7.1)."""
    return start[_PREAMBLE : _PREAMBLE + len(_PREFIX)] == _PREFIX


def is_bare(start: bytes) -> bool:
    """Return whether a file's first `START` bytes begin a data set without preamble and prefix, as in some archives."""
    return not has_prefix(start) and any(_begins_data_set(start, order) for order in "<>")


def _begins_data_set(start: bytes, order: str) -> bool:
    """Check the first elements (PS3.5, 7.1): their tags ascend, and either all have a VR or none has."""
    at, last, explicit = 0, -1, start[4:6] in _VRS
    for _ in range(_ENOUGH):
        if at + 12 > len(start):
            return False
        group, element = struct.unpack_from(f"{order}HH", start, at)
        vr = start[at + 4 : at + 6]
        if group not in _FIRST_GROUPS or (group << 16 | element) <= last or (vr in _VRS) is not explicit:
            return False
        last = group << 16 | element
        form, place = ("L", 4) if not explicit else ("L", 8) if vr in _LONG else ("H", 6)
        (length,) = struct.unpack_from(f"{order}{form}", start, at + place)
        if length % 2 or (length == _UNDEFINED and vr != b"SQ"):
            return False
        at += place + struct.calcsize(f"={form}") + length
    return True
