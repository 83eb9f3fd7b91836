"""Measures where a heat map is: in the breast, and in the known lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pointing(maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> Floats:
    """Return for N×H×W maps whether the maximum is in the mask, as 1 or 0 (N,).

    The pointing game of Zhang et al., "Top-Down Neural Attention by Excitation Backprop", IJCV 126, 2018, section 4.2,
    without their tolerance of 15 pixels around the object, which is the size of a lesion here. With several equal
    maxima it is the share of them in the mask, the expected score of a random choice; a flat map scores at chance.
    """
    highest = maps == maps.max(axis=(1, 2), keepdims=True)
    return np.asarray((highest & masks).sum(axis=(1, 2)) / highest.sum(axis=(1, 2)), np.float64)


def energy_inside(maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> Floats:
    """Return the share (N,) of the sum of each N×H×W map that is in the mask; NaN for a map that is 0 everywhere.

    Wang et al., "Score-CAM", CVPR workshops 2020, section 4.3 (there of a bounding box).
    """
    values = maps.astype(np.float64)
    total = values.sum(axis=(1, 2))
    inside: Floats = (values * masks).sum(axis=(1, 2)) / np.where(total > 0, total, np.nan)
    return inside


def share_of(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Floats:
    """Return the share (N,) of the pixels of `whole` (N×H×W) that are also in `part`."""
    return np.asarray((part & whole).sum(axis=(1, 2)) / whole.sum(axis=(1, 2)), np.float64)
