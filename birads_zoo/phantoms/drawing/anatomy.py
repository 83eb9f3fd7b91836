"""Draws the outline of a breast: its extent, its thickness under compression, and the pectoral muscle.

Everything is drawn with the chest wall at the left edge and the nipple to the right. Lengths are in units of the
picture's height. `tissue.py` fills the outline and `film.py` takes the picture. No anatomy is simulated: each part is
the simplest shape and texture that makes the picture look like a mammogram.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from birads_zoo.phantoms.drawing.fields import Plane, grid, soft_step, spectral

View = Literal["CC", "MLO"]


@dataclass(frozen=True, kw_only=True)
class Build:
    """The parameters that a woman's pictures share. Lengths are in picture heights, brightness is in [0, 1]."""

    density: str
    depth: float
    half_height: float
    roundness: float
    pectoral_width: float
    pectoral_height: float
    rim: float
    fat: float
    gamma: float
    gain: float
    grain: float
    vessels: int


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A breast's shape in one view. Planes are H×W', where W' columns are enough for the breast.

    `distance` to the skin is in picture heights, 0 outside. `thickness` is in [0, 1]. `pectoral` is the muscle's share
    of each pixel. `nipple` is (x, y) in picture heights.
    """

    distance: Plane
    thickness: Plane
    pectoral: Plane
    nipple: tuple[float, float]


def draw_build(generator: np.random.Generator, density: str) -> Build:
    """Draw the parameters that vary between women, for a `density` of A to D."""
    return Build(
        density=density,
        depth=generator.uniform(0.40, 0.62),
        half_height=generator.uniform(0.34, 0.44),
        roundness=generator.uniform(1.9, 2.5),
        pectoral_width=generator.uniform(0.20, 0.36),
        pectoral_height=generator.uniform(0.40, 0.66),
        rim=generator.uniform(0.045, 0.085),
        fat=generator.uniform(0.24, 0.29),
        gamma=generator.uniform(0.94, 1.08),
        gain=generator.uniform(0.96, 1.04),
        grain=generator.uniform(0.008, 0.016),
        vessels=int(generator.integers(2, 6)),
    )


def draw_outline(build: Build, view: View, height: int, width: int, generator: np.random.Generator) -> Outline:
    """Draw the shape of a woman's breast in one view, in a picture of `height`×`width` pixels."""
    ys, _ = grid(height, width)
    edge, middle = _reach(build, view, ys[:, 0], width / height, generator)
    used = min(int(edge.max() * height) + 4, width)  # beyond them is only air
    ys, xs = grid(height, used)
    distance = _skin_distance(xs < edge[:, None]) / np.float32(height)
    nipple_y = min(max(middle + generator.normal(0, 0.01), 0.1), 0.9)
    # A compressed breast has an even thickness except at its rim, which is round.
    inwards = np.clip(distance / np.float32(build.rim), 0, 1)
    return Outline(
        distance=distance,
        thickness=np.sqrt(1 - (1 - inwards) ** 2) ** np.float32(1.3),
        pectoral=_pectoral(build, xs, ys, generator) if view == "MLO" else np.zeros_like(distance),
        nipple=(float(np.interp(nipple_y, ys[:, 0], edge)), nipple_y),
    )


def _reach(build: Build, view: View, ys: Plane, aspect: float, generator: np.random.Generator) -> tuple[Plane, float]:
    """Return the breast's extent from the chest wall at each y, and the y of its largest extent."""
    depth = min(build.depth, aspect * 0.9)
    middle = 0.5 + generator.normal(0, 0.015) + (0.10 if view == "MLO" else 0.0)
    below = np.clip((ys - middle) / (build.half_height if view == "CC" else 0.95 - middle), -1, 1)
    edge = depth * np.sqrt(np.clip(1 - np.abs(below) ** build.roundness, 0, None))
    if view == "MLO":
        axilla = depth * generator.uniform(0.62, 0.80)
        rise = np.sin(np.clip(ys / middle, 0, 1) * (np.pi / 2)) ** generator.uniform(2.0, 3.4)
        edge = np.where(ys < middle, axilla + (depth - axilla) * rise, edge)
        belly = generator.uniform(0.05, 0.22) * depth * np.clip((ys - 0.80) / 0.2, 0, 1) ** 0.7
        edge = np.logaddexp(40 * edge, 40 * belly) / 40 - np.log(2) / 40 * (edge < 0.02)  # the fold, rounded
    phase = generator.uniform(0, 2 * np.pi, 2)
    wobble = 1 + 0.012 * np.sin(7 * ys + phase[0]) + 0.006 * np.sin(15 * ys + phase[1])
    return np.asarray(np.clip(edge * wobble, 0, None), np.float32), float(middle)


def _skin_distance(inside: NDArray[np.bool_]) -> Plane:
    """Return each pixel's distance to the skin in pixels. The chest wall and the picture's edges are not skin."""
    padded = np.pad(inside, 1, mode="edge")
    padded[:, -1] = False
    distance = np.asarray(ndimage.distance_transform_edt(padded)[1:-1, 1:-1], np.float32)
    return np.asarray(ndimage.gaussian_filter(distance, 1.0, mode="nearest") * inside, np.float32)


def _pectoral(build: Build, xs: Plane, ys: Plane, generator: np.random.Generator) -> Plane:
    """Return the muscle's share of each pixel: a wedge in the upper corner with a bowed, uneven, soft edge."""
    bow = generator.uniform(-0.02, 0.05)
    down = np.clip(ys / build.pectoral_height, 0, 1.5)
    edge = build.pectoral_width * (1 - down) + bow * np.sin(np.pi * np.clip(down, 0, 1))
    uneven = np.interp(ys[:, 0], np.linspace(0, 1, 96), 0.008 * spectral(96, 8, 1.0, 1.0, generator)[:, 0])
    soft = np.float32(generator.uniform(0.0035, 0.007)) * (1 + 1.5 * np.clip(down, 0, 1))
    fading = 1 - 0.55 * np.clip(down, 0, 1) ** 2  # it gets thin towards its end
    return np.asarray(soft_step((edge + uneven[:, None] - xs) / soft) * fading, np.float32)
