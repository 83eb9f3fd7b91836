"""Scales 16-bit pictures that use fewer bits, such as 12, to the whole range of grey values."""

from __future__ import annotations

import numpy as np

from birads_zoo.data.picture import GreyArray, ImageError

TOO_BRIGHT = "brighter than image.bits"
"""The reason for a picture with more bits than the recipe says."""

_WHITE = 65535


def whole_range(pixels: GreyArray, bits: int) -> GreyArray:
    """Scale H×W grey values from 0 … 2^bits − 1 to 0 … 65535. With `bits` 0, or 8-bit pixels, return them unchanged.

    Raises:
        ImageError: for a 16-bit picture with a grey value that needs more bits.

    """
    if not bits or pixels.dtype != np.uint16:
        return pixels
    white, brightest = 2**bits - 1, int(pixels.max())
    if brightest > white:
        raise ImageError(TOO_BRIGHT, f"grey value {brightest}; {bits} bits end at {white}")
    return np.asarray((pixels.astype(np.uint32) * _WHITE + white // 2) // white, dtype=np.uint16)
