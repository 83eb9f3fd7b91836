"""How a mammogram and what is laid over it look, the same on every sheet, overlay and page."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

OPACITY = 0.75
"""Of the strongest heat; hue and opacity grow with the map, so that what is not marked stays as it is."""
HEAT = matplotlib.colormaps["inferno"]  # rises evenly in lightness: the same for the colour-blind, and in grey
LESION = "#5ef2ff"


def grey_range(picture: NDArray[Any]) -> tuple[float, float]:
    """Return black and white. 8 bits and floats have a fixed range; 16 bits rarely use theirs: 0 to 99.9 % do."""
    if not np.issubdtype(picture.dtype, np.integer):
        return 0.0, 1.0
    if picture.dtype == np.uint8:
        return 0.0, 255.0
    low, high = np.percentile(picture, (0.0, 99.9))
    return float(low), max(float(high), float(low) + 1)


def eight_bits(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a picture in 8 bits, its `grey_range` from black to white."""
    if picture.dtype == np.uint8:
        return picture
    low, high = grey_range(picture)
    scaled = (picture.astype(np.float64) - low) / (high - low)
    eight: NDArray[np.uint8] = (255 * scaled.clip(0, 1)).round().astype(np.uint8)
    return eight
