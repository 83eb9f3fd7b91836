"""Defines a decoded picture, and the error for a picture that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.printable import printable

GreyArray = NDArray[np.uint8] | NDArray[np.uint16]
"""Grey values of one picture (H×W) or of several."""

SMALLEST_SIDE = 16
LARGEST_AREA = 80_000_000  # decoding such a picture takes up to a gigabyte; films at 42 µm have 41 megapixels


class ImageError(Exception):
    """A picture that cannot be used. `reason` is short and is counted; `detail` is for the reader.

    Reasons: "no file", "unreadable file", "does not decode", "too small" (under 16 pixels a side) and "too large" (over
    80 megapixels by its header, or over 10 in a BMP with run lengths, so no pixel is decoded). For the other reasons of
    DICOM files see `dicom.header.read_header` and `dicom.read.read_dicom`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = printable(detail)
        super().__init__(f"{reason}: {self.detail}")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture, and its `reduction`: how many pixels of the file one pixel spans on each axis (1, 2, 4, 8)."""

    pixels: GreyArray
    reduction: int


def check_size(width: int, height: int) -> None:
    """Raise `ImageError` for a picture that is too small or too large to be a mammogram."""
    if min(width, height) < SMALLEST_SIDE:
        raise ImageError("too small", f"{width}×{height} pixels; a side needs {SMALLEST_SIDE}")
    if width * height > LARGEST_AREA:
        raise ImageError("too large", f"{width}×{height} pixels; {LARGEST_AREA // 1_000_000} megapixels are the most")
