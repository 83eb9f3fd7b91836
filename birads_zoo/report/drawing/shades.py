"""Grey values and colours of mammograms, heat maps and lesions, the same in every figure and page."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

OPACITY = 0.75
"""Opacity of the strongest heat; opacity grows with the map, so that the picture is unchanged where the map is 0."""
HEAT = matplotlib.colormaps["inferno"]  # its lightness rises evenly: it reads the same in grey and for the colour-blind
LESION = "#5ef2ff"


def grey_range(picture: NDArray[Any]) -> tuple[float, float]:
    """Return the values shown as black and as white.

    uint8 has the range 0 to 255 and floats 0 to 1. 16-bit pictures rarely use their full range: their minimum is black
    and their 99.9th percentile is white.
    """
    if not np.issubdtype(picture.dtype, np.integer):
        return 0.0, 1.0
    if picture.dtype == np.uint8:
        return 0.0, 255.0
    low, high = np.percentile(picture, (0.0, 99.9))
    return float(low), max(float(high), float(low) + 1)


def eight_bits(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a picture in 8 bits, with its `grey_range` scaled to 0 to 255."""
    if picture.dtype == np.uint8:
        return picture
    low, high = grey_range(picture)
    scaled = (picture.astype(np.float64) - low) / (high - low)
    eight: NDArray[np.uint8] = (255 * scaled.clip(0, 1)).round().astype(np.uint8)
    return eight
