"""Compares a picture's size, shape and grey values with those of the run's pictures."""

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
"""The statistics of a picture, in order, with their names in warnings."""

_TAIL = 0.005  # the share of the run's pictures outside the range on each side, before the margin is added
_MARGIN = 0.5  # the margin on each side, as a share of the range
_LEAST = 0.1  # the smallest margin, as a share of the larger end: if all files have one size, a little more is usual
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
    """Return the range of each of `NAMES` over n ≥ 1 rows (n, 7): the middle 99 %, and a margin on both sides."""
    low, high = np.quantile(statistics, [_TAIL, 1 - _TAIL], axis=0)
    margin = np.maximum(_MARGIN * (high - low), _LEAST * np.abs(np.stack([low, high])).max(axis=0))
    low, high = np.maximum(low - margin, 0), high + margin  # none of them can be negative
    return {name: Statistic(low=float(low[at]), high=float(high[at])) for at, name in enumerate(NAMES)}


def outside(statistics: NDArray[np.float64], ranges: Mapping[str, Statistic]) -> NDArray[np.bool_]:
    """Return which statistics (…, 7) are outside their range; NaN is not."""
    low = np.array([ranges[name].low for name in NAMES])
    high = np.array([ranges[name].high for name in NAMES])
    is_outside: NDArray[np.bool_] = (statistics < low) | (statistics > high)
    return is_outside


def range_warnings(statistics: NDArray[np.float64], ranges: Mapping[str, Statistic]) -> list[str]:
    """Return a clause for each of a picture's statistics (7,) that is outside its range."""
    clauses = []
    for (name, description), value, out in zip(NAMES.items(), statistics, outside(statistics, ranges), strict=True):
        if out:
            low, high = _as_text(ranges[name].low), _as_text(ranges[name].high)
            clauses.append(f"{description}, {_as_text(value)}, is outside the training range ({low} to {high})")
    return clauses


def _as_text(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
