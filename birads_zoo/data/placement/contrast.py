"""Equalises contrast locally, so that dark and bright films show the same tissue in similar greys."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from birads_zoo.data.picture import GreyArray

_DARK, _BRIGHT = 2.0, 99.7  # percentiles of the pixels that are not black, which become black and white
_TILES = (4, 3)  # the most tiles down and across, each with its own histogram and at least two pixels a side
_LIMIT = 3.0  # a grey level counts at most this many times the mean of its tile's histogram


def equalize(pixels: GreyArray) -> GreyArray:
    """Equalise the contrast of H×W grey values, in their own dtype. Black stays black.

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
    from kornia.enhance import equalize_clahe  # imported here because it takes 0.2 s

    down, across = (min(most, max(side // 2, 1)) for most, side in zip(_TILES, plane.shape, strict=True))
    equal: torch.Tensor = equalize_clahe(torch.from_numpy(plane), _LIMIT, (down, across))
    return np.asarray(equal.clamp(0, 1).numpy(), dtype=np.float32)
