"""Measures the traces of a file's processing in a stored picture: sharpness, blocks, edges, greys and framing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.data.picture import GreyArray

_BLOCK = 8  # pixels per side of a JPEG block
_BANDS = 16
_GREYS = 16
_FAINT = (
    -0.5,
    0.5,
    1.5,
    2.5,
    4.5,
    8.5,
    16.5,
)  # of 255: edges of the grey levels that compression leaves in black areas
_SIDE = 8
_RIM = 3  # pixels along each edge


def traces(pixels: GreyArray, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the features (m, F) of m of the stored pictures (n, H, W) that show how their files were made.

    These are the log power in 16 bands of spatial frequency (rescaling and compression change the high ones); the steps
    between neighbouring rows and columns by their position in a block of 8 (the grid of JPEG; as shares); the mean of
    each of the outer three rows and columns (frames and cuts); the shares of 16 grey levels, and of six that are almost
    black; and the picture at 8×8 (framing, size of the breast).
    """
    return np.stack([_features(np.asarray(pixels[row], np.float64) / np.iinfo(pixels.dtype).max) for row in rows])


def _features(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    down, across = np.abs(np.diff(picture, axis=0)), np.abs(np.diff(picture, axis=1))
    small = Image.fromarray(picture.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.concatenate(
        [
            _spectrum(picture),
            _by_place(down.mean(axis=1)),
            _by_place(across.mean(axis=0)),
            *(edge.mean(axis=1) for edge in (picture[:_RIM], picture[-_RIM:], picture.T[:_RIM], picture.T[-_RIM:])),
            np.histogram(picture, bins=_GREYS, range=(0, 1))[0] / picture.size,
            np.histogram(picture * 255, bins=_FAINT)[0] / picture.size,
            np.asarray(small, np.float64).ravel(),
        ]
    )


def _spectrum(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.outer(np.hanning(picture.shape[0]), np.hanning(picture.shape[1]))
    power = np.abs(np.fft.rfft2((picture - picture.mean()) * window)) ** 2
    rows, columns = np.fft.fftfreq(picture.shape[0]), np.fft.rfftfreq(picture.shape[1])
    band = np.minimum((np.hypot(rows[:, None], columns[None, :]) * 2 * _BANDS).astype(int), _BANDS - 1)
    total = np.bincount(band.ravel(), power.ravel(), _BANDS) / np.maximum(
        np.bincount(band.ravel(), minlength=_BANDS), 1
    )
    return np.asarray(np.log(total + 1e-9), np.float64)


def _by_place(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.bincount(np.arange(len(steps)) % _BLOCK, steps, _BLOCK)
    return np.asarray(sums / max(float(sums.sum()), 1e-9), np.float64)
