"""Pictures at 16×16, with the breast and without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.geometry import breast_mask

SIDE = 16
_LOOK = 64  # pixels a side in which the breast is masked
_MARGIN = 5  # pixels of that by which the mask grows, so that no skin line is left


def thumbnails(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return (n, 256): each of n pictures (H, W) averaged to 16×16, in [0, 1]."""
    return np.stack([_small(picture, SIDE).ravel() for picture in pixels]).astype(np.float64)


def backgrounds(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return (n, 256): each picture at 16×16 with everything black that belongs to the breast, in [0, 1].

    What is left are labels, frames, noise and the padding's grey. The breast's outline is gone with the breast: where
    it was is as black as where nothing is.
    """
    return np.stack([_without_breast(picture) for picture in pixels]).astype(np.float64)


def _without_breast(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    small = _small(picture, _LOOK)
    mask = breast_mask(small)
    if mask is not None:
        grown = ndimage.maximum_filter(mask.view(np.uint8), 2 * _MARGIN + 1).astype(bool)
        small = np.where(grown, np.float32(0), small)
    blocks: NDArray[np.float32] = small.reshape(SIDE, _LOOK // SIDE, SIDE, _LOOK // SIDE).mean(axis=(1, 3)).ravel()
    return blocks


def _small(picture: NDArray[np.generic], side: int) -> NDArray[np.float32]:
    floats = np.asarray(picture, dtype=np.float32) / np.float32(np.iinfo(np.asarray(picture).dtype).max)
    resized = Image.fromarray(floats).resize((side, side), Image.Resampling.BOX)
    return np.asarray(resized, dtype=np.float32)
