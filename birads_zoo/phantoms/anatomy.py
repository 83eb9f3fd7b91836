"""A breast without lesions: outline, skin, pectoral muscle, fibroglandular tissue by density, vessels.

Everything is drawn with the chest wall at the left edge and the nipple to the right, lengths in units of the
picture's height; `film.py` turns brightness into a picture. No anatomy is simulated: each part is the
simplest shape and texture with which a mammogram looks like one.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import fft, ndimage

View = Literal["CC", "MLO"]
Plane = NDArray[np.float32]

_FILL = {"A": 0.04, "B": 0.10, "C": 0.18, "D": 0.25}  # brightness of the gland's even part
_STRANDS = {"A": 0.13, "B": 0.17, "C": 0.16, "D": 0.13}  # brightness of its strands
_EXTENT = {"A": 0.62, "B": 0.74, "C": 0.86, "D": 0.97}  # the gland's share of the breast's depth and height


@dataclass(frozen=True, kw_only=True)
class Build:
    """What the pictures of one woman share. Lengths are in picture heights, brightness is in [0, 1]."""

    density: str
    depth: float
    half_height: float
    roundness: float
    pectoral_width: float
    pectoral_height: float
    fat: float
    gamma: float
    gain: float
    grain: float
    vessels: int


@dataclass(frozen=True, kw_only=True)
class Breast:
    """One breast in one view: `brightness` H×W in about [0, 1], where tissue is, and where a lesion may be.

    `skin_distance` is H×W in pixels, 0 outside the breast. `nipple` is (x, y) in pixels. `depth` is the distance
    from the chest wall to the nipple and `height` the outline's, both in pixels.
    """

    brightness: Plane
    skin_distance: Plane
    pectoral: Plane
    nipple: tuple[float, float]
    depth: float
    height: float


def draw_build(generator: np.random.Generator, density: str) -> Build:
    """Draw what varies from woman to woman, for a `density` of A to D."""
    return Build(
        density=density,
        depth=generator.uniform(0.44, 0.62),
        half_height=generator.uniform(0.36, 0.44),
        roundness=generator.uniform(2.0, 2.6),
        pectoral_width=generator.uniform(0.24, 0.34),
        pectoral_height=generator.uniform(0.42, 0.58),
        fat=generator.uniform(0.24, 0.33),
        gamma=generator.uniform(0.9, 1.15),
        gain=generator.uniform(0.93, 1.07),
        grain=generator.uniform(0.010, 0.020),
        vessels=int(generator.integers(3, 7)),
    )


def draw_breast(build: Build, view: View, height: int, width: int, generator: np.random.Generator) -> Breast:
    """Draw one breast of a woman in one view, `height`×`width` pixels, chest wall at the left edge."""
    ys, xs = _grid(height, width)
    edge, middle = _outline(build, view, ys[:, 0], width / height, generator)
    used = min(int(edge.max() * height) + 4, width)  # beyond it there is only air
    ys, xs = ys[:, :used], xs[:, :used]
    distance = _skin_distance(xs < edge[:, None]) / np.float32(height)
    nipple_y = min(max(middle + generator.normal(0, 0.01), 0.1), 0.9)
    nipple = (float(np.interp(nipple_y, ys[:, 0], edge)), nipple_y)

    inside = distance > 0
    thickness = 1 - np.exp(-distance / np.float32(0.045))
    cloud = _cloud(height, used, generator)
    brightness = build.fat * thickness * (1 + 0.10 * cloud)
    brightness += _gland(build, xs, ys, nipple, cloud, generator) * np.clip((distance - 0.012) / 0.03, 0, 1)
    brightness += _vessels(build, nipple, height, used, generator) * thickness
    brightness += 0.13 * np.exp(-(((distance - np.float32(0.005)) / np.float32(0.0045)) ** 2))
    brightness += _nipple_shadow(xs, ys, nipple)
    pectoral = np.zeros_like(distance)
    if view == "MLO":
        pectoral = _pectoral(build, xs, ys, generator)
        muscle = build.fat + 0.27 - 0.15 * ys + 0.02 * cloud
        brightness = brightness * (1 - 0.85 * pectoral) + muscle * pectoral
    rows = np.flatnonzero(inside.any(axis=1))
    return Breast(
        brightness=_widen(np.where(inside, brightness, 0), width),
        skin_distance=_widen(distance * height, width),
        pectoral=_widen(pectoral, width),
        nipple=(nipple[0] * height, nipple[1] * height),
        depth=nipple[0] * height,
        height=float(np.ptp(rows) + 1),
    )


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Coordinates of the pixels' centres in picture heights: y and x, each H×W."""
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    return (ys + 0.5) / height, (xs + 0.5) / height


def _outline(build: Build, view: View, ys: Plane, aspect: float, generator: np.random.Generator) -> tuple[Plane, float]:
    """Return how far the breast reaches from the chest wall at each y, and the y at which it reaches farthest."""
    depth = min(build.depth, aspect * 0.9)
    middle = 0.5 + generator.normal(0, 0.015) + (0.10 if view == "MLO" else 0.0)
    below = np.clip((ys - middle) / (build.half_height if view == "CC" else 0.95 - middle), -1, 1)
    edge = depth * np.sqrt(np.clip(1 - np.abs(below) ** build.roundness, 0, None))
    if view == "MLO":
        axilla = depth * generator.uniform(0.62, 0.74)
        rise = np.sin(np.clip(ys / middle, 0, 1) * (np.pi / 2)) ** generator.uniform(2.4, 3.4)
        edge = np.where(ys < middle, axilla + (depth - axilla) * rise, edge)
        fold = 0.16 * depth * np.clip((ys - 0.86) / 0.1, 0, 1)
        edge = np.maximum(edge, fold)
    phase = generator.uniform(0, 2 * np.pi, 2)
    wobble = 1 + 0.012 * np.sin(7 * ys + phase[0]) + 0.006 * np.sin(15 * ys + phase[1])
    return np.asarray(edge * wobble, np.float32), float(middle)


def _skin_distance(inside: NDArray[np.bool_]) -> Plane:
    """Distance in pixels from each pixel to the skin; the chest wall and the picture's edges are no skin."""
    padded = np.pad(inside, 1, mode="edge")
    padded[:, -1] = False
    distance = np.asarray(ndimage.distance_transform_edt(padded)[1:-1, 1:-1], np.float32)
    return np.asarray(ndimage.gaussian_filter(distance, 1.0, mode="nearest") * inside, np.float32)


def _widen(plane: Plane, width: int) -> Plane:
    wide = np.zeros((plane.shape[0], width), np.float32)
    wide[:, : plane.shape[1]] = plane
    return wide


def _spectral(height: int, width: int, slope: float, stretch: float, generator: np.random.Generator) -> Plane:
    """Noise of mean 0 and deviation 1 whose amplitude falls as frequency**-slope, stretched along the first axis."""
    fy = np.fft.fftfreq(height)[:, None] * height * stretch
    fx = np.fft.rfftfreq(width)[None, :] * width
    amplitude = (fy**2 + fx**2 + 1.0) ** (-slope / 2)
    amplitude[0, 0] = 0
    spectrum = fft.rfft2(generator.standard_normal((height, width), dtype=np.float32)) * amplitude.astype(np.float32)
    noise = fft.irfft2(spectrum, s=(height, width))
    return np.asarray(noise / noise.std(), np.float32)


def _cloud(height: int, width: int, generator: np.random.Generator) -> Plane:
    """Soft isotropic structure with the power spectrum of breast tissue, about f**-3 (Burgess et al. 2001)."""
    small = _spectral(64, 64, 1.5, 1.0, generator)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def _gland(
    build: Build,
    xs: Plane,
    ys: Plane,
    nipple: tuple[float, float],
    cloud: Plane,
    generator: np.random.Generator,
) -> Plane:
    """Fibroglandular tissue: a soft-edged cone behind the nipple, of strands that radiate from it."""
    extent = _EXTENT[build.density]
    back = nipple[0] * extent
    centre = (nipple[0] - 0.55 * back - 0.02, nipple[1] + generator.normal(0, 0.02))
    across = build.half_height * (0.25 + 0.6 * extent)
    reach = np.hypot((xs - centre[0]) / (0.58 * back), (ys - centre[1]) / across)
    envelope = 1 / (1 + np.exp(-(1 - reach + 0.22 * cloud) / np.float32(0.13)))

    polar = _spectral(64, 512, 1.6, 4.0, generator)
    dx, dy = nipple[0] + 0.06 - xs, ys - nipple[1]
    radius = np.hypot(dx, dy) * (64 / 0.9)
    angle = np.arctan2(dy, dx) * (512 / (2 * np.pi)) + 256
    strands = ndimage.map_coordinates(polar, [radius, angle + 5 * cloud], order=1, mode="grid-wrap")
    ridges = np.exp(-((strands / np.float32(0.28)) ** 2))
    texture = _STRANDS[build.density] * (0.55 * ridges + 0.35 * strands + 0.2 * cloud)
    faint = 0.035 * ridges  # ligaments run through the fat, too
    return np.asarray(np.clip(envelope * (_FILL[build.density] + texture), 0, None) + faint, np.float32)


def _vessels(
    build: Build, nipple: tuple[float, float], height: int, width: int, generator: np.random.Generator
) -> Plane:
    """Thin winding lines from the chest wall towards the nipple."""
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    steps = np.linspace(0, 1, 24)
    for _ in range(build.vessels):
        start = nipple[1] + generator.uniform(-0.75, 0.75) * build.half_height
        end = nipple[1] + generator.uniform(-0.35, 0.35) * build.half_height
        waves, phases = generator.uniform(1, 4, 2), generator.uniform(0, 2 * np.pi, 2)
        bend = 0.018 * np.sin(2 * np.pi * waves[0] * steps + phases[0])
        bend += 0.010 * np.sin(4 * np.pi * waves[1] * steps + phases[1])
        x = (steps * generator.uniform(0.55, 0.9) * nipple[0]) * height
        y = (start + (end - start) * steps**1.5 + bend) * height
        draw.line(
            list(zip(x.tolist(), y.tolist(), strict=True)),
            fill=int(generator.integers(130, 256)),
            width=max(1, round(height / 300)),
        )
    soft = canvas.filter(ImageFilter.GaussianBlur(height / 500))
    return np.asarray(soft, np.float32) * np.float32(0.13 / 255)


def _nipple_shadow(xs: Plane, ys: Plane, nipple: tuple[float, float]) -> Plane:
    """The bright disc of the nipple in profile, just behind the skin."""
    square = ((xs - nipple[0] + 0.012) / 0.012) ** 2 + ((ys - nipple[1]) / 0.018) ** 2
    return np.asarray(0.16 * np.exp(-(square**2)), np.float32)


def _pectoral(build: Build, xs: Plane, ys: Plane, generator: np.random.Generator) -> Plane:
    """The muscle's share of each pixel: a triangle in the upper corner at the chest wall, its edge slightly bowed."""
    bow = generator.uniform(0.0, 0.05)
    down = np.clip(ys / build.pectoral_height, 0, 1.5)
    edge = build.pectoral_width * (1 - down) + bow * np.sin(np.pi * np.clip(down, 0, 1))
    return np.asarray(1 / (1 + np.exp(-np.clip((edge - xs) / np.float32(0.004), -30, 30))), np.float32)
