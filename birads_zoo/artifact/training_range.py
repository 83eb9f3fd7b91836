"""Whether a picture is like those of the run by simple measures: its size, its shape, its grey values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from birads_zoo.artifact.manifest import Statistic
from birads_zoo.data.picture import GreyArray

NAMES = {
    "longer_side": "the longer side in pixels",
    "aspect": "the height by the width",
    "mean": "the mean grey value",
    "spread": "the standard deviation of the grey values",
    "black": "the share of black",
    "bright": "the grey value of the brightest hundredth",
    "roughness": "the difference between neighbouring pixels",
}
"""The statistics of a picture, in order, and how a warning names them."""

_TAIL = 0.005  # of the run's pictures, left outside on each side before the margin is added
_MARGIN = 0.5  # of the distance between the two ends, granted on each side
_LEAST = 0.1  # of the end itself, granted at least: where all files have one size, a tenth more is no other source
_BLACK = 0.02  # of full scale


def statistics_of(placed: GreyArray, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the statistics `NAMES` (7,) of a placed H×W picture and of its file's (height, width) in pixels.

    Grey values are in [0, 1]; the roughness is the mean absolute difference between neighbours along a row.
    """
    height, width = size
    grey = placed.astype(np.float32) / np.float32(np.iinfo(placed.dtype).max)
    return np.array(
        [
            max(height, width),
            height / width,
            grey.mean(),
            grey.std(),
            (grey < _BLACK).mean(),
            np.quantile(grey[::2, ::2], 0.99),
            np.abs(np.diff(grey, axis=1)).mean(),
        ]
    )


def fit_range(statistics: NDArray[np.float64]) -> dict[str, Statistic]:
    """Return the range of each of `NAMES` over the n ≥ 1 rows (n, 7): their middle 99 %, and a margin beyond."""
    low, high = np.quantile(statistics, [_TAIL, 1 - _TAIL], axis=0)
    margin = np.maximum(_MARGIN * (high - low), _LEAST * np.abs(np.stack([low, high])).max(axis=0))
    low, high = np.maximum(low - margin, 0), high + margin  # none of them can be negative
    return {name: Statistic(low=float(low[at]), high=float(high[at])) for at, name in enumerate(NAMES)}


def outside(statistics: NDArray[np.float64], ranges: Mapping[str, Statistic]) -> NDArray[np.bool_]:
    """Tell which statistics (…, 7) lie outside their range; NaN does not."""
    low = np.array([ranges[name].low for name in NAMES])
    high = np.array([ranges[name].high for name in NAMES])
    found: NDArray[np.bool_] = (statistics < low) | (statistics > high)
    return found


def range_warnings(statistics: NDArray[np.float64], ranges: Mapping[str, Statistic]) -> list[str]:
    """Say in a clause each which of a picture's statistics (7,) lie outside their range."""
    told = []
    for (name, said), value, out in zip(NAMES.items(), statistics, outside(statistics, ranges), strict=True):
        if out:
            low, high = _told(ranges[name].low), _told(ranges[name].high)
            told.append(f"{said}, {_told(value)}, is outside the training range ({low} to {high})")
    return told


def _told(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
