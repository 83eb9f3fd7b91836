"""Grey values of 16-bit pictures that have fewer bits in truth, such as 12, brought to the whole range."""

from __future__ import annotations

import numpy as np

from birads_zoo.data.picture import GreyArray, ImageError

TOO_BRIGHT = "brighter than image.bits"
"""The reason why a picture cannot be used that has more bits than were said."""

_WHITE = 65535


def whole_range(pixels: GreyArray, bits: int) -> GreyArray:
    """Return H×W grey values from 0 … 2^bits − 1 as 0 … 65535; pictures of 8 bits, and all for `bits` 0, as they are.

    Raises:
        ImageError: for a 16-bit picture with a grey value that needs more bits.

    """
    if not bits or pixels.dtype != np.uint16:
        return pixels
    white, brightest = 2**bits - 1, int(pixels.max())
    if brightest > white:
        raise ImageError(TOO_BRIGHT, f"grey value {brightest}; {bits} bits end at {white}")
    return np.asarray((pixels.astype(np.uint32) * _WHITE + white // 2) // white, dtype=np.uint16)
