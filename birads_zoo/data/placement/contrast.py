"""Contrast made alike: dark films and bright ones show the same tissue in the same greys, place by place."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from birads_zoo.data.picture import GreyArray

_DARK, _BRIGHT = 2.0, 99.7  # percentiles of the pixels that are not black: what becomes black and white
_TILES = (4, 3)  # at most so many down and across, each with a histogram of its own and two pixels or more a side
_LIMIT = 3.0  # no grey level counts for more than this many times the mean of its tile's histogram


def equalize(pixels: GreyArray) -> GreyArray:
    """Return H×W grey values with their contrast equalised, in their own dtype; black stays black.

    The grey values are first stretched to the whole range, then equalised by CLAHE, contrast-limited adaptive histogram
    equalisation (Zuiderveld, Graphics Gems IV, 1994, pages 474–485), in 4×3 tiles with 256 grey levels each.
    """
    tissue = pixels > 0
    if not tissue.any() or min(pixels.shape) < 2:  # nothing to equalise
        return pixels
    white = np.iinfo(pixels.dtype).max
    dark, bright = np.percentile(pixels[tissue], [_DARK, _BRIGHT])
    stretched = np.clip((pixels - np.float32(dark)) / np.float32(max(bright - dark, 1)), 0, 1)
    equal = np.where(tissue, _clahe(np.where(tissue, stretched, 0).astype(np.float32)), 0)
    levels: GreyArray = np.rint(equal * white).astype(pixels.dtype)
    return levels


def _clahe(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    from kornia.enhance import equalize_clahe  # here: it takes a fifth of a second

    down, across = (min(most, max(side // 2, 1)) for most, side in zip(_TILES, plane.shape, strict=True))
    equal: torch.Tensor = equalize_clahe(torch.from_numpy(plane), _LIMIT, (down, across))
    return np.asarray(equal.clamp(0, 1).numpy(), dtype=np.float32)
