"""Converts a DICOM picture's stored values to grey from black to white (DICOM PS3.3, C.11.1 and C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lut:
    """A look-up table: `entries` (n,), each 0 to 2^`bits` − 1, for the inputs from `first` on.

    Inputs below `first` get the first entry, inputs above the last one the last entry.
    """

    first: int
    bits: int
    entries: NDArray[np.int64]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look up values of any shape, rounded to integers."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.int64)
        return np.asarray(self.entries[places], dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """The linear modality transformation: slope · stored + intercept."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Window:
    """A VOI window in modality values. The width is at least 1 if LINEAR, else positive."""

    center: float
    width: float
    function: Function = "LINEAR"

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return grey in [0, 1]: PS3.3, C.11.2.1.2.1 (LINEAR) and C.11.2.1.3.1 and .2 (SIGMOID, LINEAR_EXACT)."""
        match self.function:
            case "LINEAR":
                if self.width == 1:  # the limit of the formula: a step
                    return (values > self.center - 0.5).astype(np.float64)
                return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)
            case "LINEAR_EXACT":
                return np.clip((values - self.center) / self.width + 0.5, 0, 1)
            case "SIGMOID":
                steep = np.clip(-4 * (values - self.center) / self.width, -700, 700)  # exp must not overflow
                return np.asarray(1 / (1 + np.exp(steep)), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Display:
    """How a file's picture is to be shown. `bits` (at most 16) and `signed` give the range of stored values."""

    bits: int
    signed: bool
    modality: Rescale | Lut
    voi: Lut | Window | None
    inverted: bool

    @property
    def lowest(self) -> int:
        """The lowest value that can be stored."""
        return -(1 << (self.bits - 1)) if self.signed else 0


def shades(display: Display) -> NDArray[np.float64]:
    """Return the grey, 0 black to 1 white, of every value that can be stored, (2^bits,), from the lowest one.

    White is the highest output of the file's own display transformation (its window, or its table's bits), or the
    highest value that can be stored if it has none. It is never the brightest pixel of the picture: so pictures of one
    device and one window stay comparable, and a dark picture stays dark. `inverted` (MONOCHROME1, where low values are
    white) is applied last, as PS3.3, C.7.6.3.1.2 requires.
    """
    stored = np.arange(display.lowest, display.lowest + (1 << display.bits), dtype=np.float64)
    if isinstance(display.modality, Lut):
        values = display.modality(stored)
        low, high = 0.0, float((1 << display.modality.bits) - 1)
    else:
        values = display.modality.slope * stored + display.modality.intercept
        low, high = sorted((float(values[0]), float(values[-1])))
    if isinstance(display.voi, Lut):
        grey = display.voi(values) / ((1 << display.voi.bits) - 1)
    elif display.voi is not None:
        grey = display.voi(values)
    else:
        grey = (values - low) / (high - low)
    return 1 - grey if display.inverted else grey
