"""Draws the tissue of a breast without lesions: fat lobules, Cooper's ligaments, gland, muscle and vessels."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from birads_zoo.phantoms.drawing.anatomy import Build, Outline, View, draw_outline
from birads_zoo.phantoms.drawing.fields import Plane, cells, enlarge, grid, sampled, soft_step, spectral

GLAND = 0.27
"""The brightness that dense, even gland adds to that of fat."""

_EXTENT = {"A": 0.62, "B": 0.74, "C": 0.86, "D": 0.97}  # the gland's share of the breast's depth and height
_FILLED = {"A": -0.55, "B": -0.15, "C": 0.30, "D": 0.75}  # how much of it is gland, in deviations of noise
_CELL = 0.055  # a fat lobule, in picture heights: about a centimetre
_COARSE = 400  # the most rows on which lobules are drawn


@dataclass(frozen=True, kw_only=True)
class Breast:
    """A breast in one view: its `brightness`, H×W in about [0, 1], and where a lesion can be.

    `blocked` (H×W, in [0, 1]) is the share of muscle or implant, where no lesion is visible. `skin_distance` is H×W in
    pixels, 0 outside the breast. `nipple` is (x, y) in pixels. `depth` is the distance from the chest wall to the
    nipple, and `height` is the outline's height, both in pixels.
    """

    brightness: Plane
    skin_distance: Plane
    blocked: Plane
    nipple: tuple[float, float]
    depth: float
    height: float


def draw_breast(
    build: Build, view: View, height: int, width: int, generator: np.random.Generator, *, implant: bool = False
) -> Breast:
    """Draw a woman's breast in one view, `height`×`width` pixels, with the chest wall at the left edge."""
    outline = draw_outline(build, view, height, width, generator)
    distance, nipple = outline.distance, outline.nipple
    used = distance.shape[1]
    inside = distance > 0
    cloud = _cloud(height, used, generator)
    brightness = build.fat * (1 + 0.09 * cloud) + _parenchyma(build, outline, cloud, generator)
    brightness += _vessels(build, nipple, height, used, generator)
    muscle = build.fat + 0.30 + 0.03 * cloud
    brightness = brightness * (1 - 0.7 * outline.pectoral) + 0.8 * muscle * outline.pectoral
    blocked = outline.pectoral
    if implant:
        shell = _implant(outline, generator)
        brightness = brightness + shell * (0.95 - brightness)
        blocked = np.maximum(blocked, shell)
    brightness = brightness * outline.thickness + _nipple_shadow(nipple, height, used)
    rows = np.flatnonzero(inside.any(axis=1))
    return Breast(
        brightness=_widen(np.where(inside, brightness, 0), width),
        skin_distance=_widen(distance * height, width),
        blocked=_widen(blocked, width),
        nipple=(nipple[0] * height, nipple[1] * height),
        depth=nipple[0] * height,
        height=float(np.ptp(rows) + 1),
    )


def _widen(plane: Plane, width: int) -> Plane:
    wide = np.zeros((plane.shape[0], width), np.float32)
    wide[:, : plane.shape[1]] = plane
    return wide


def _cloud(height: int, width: int, generator: np.random.Generator) -> Plane:
    """Draw a soft isotropic structure with the power spectrum of breast tissue, about f**-3 (Burgess et al. 2001)."""
    return enlarge(spectral(96, max(96 * width // height, 8), 1.5, 1.0, generator), height, width)


def _parenchyma(build: Build, outline: Outline, cloud: Plane, generator: np.random.Generator) -> Plane:
    """Return the brightness that gland, its strands and the ligaments add: H×W'."""
    height, width = cloud.shape
    nipple = outline.nipple
    ys, xs = grid(height, width)
    extent = _EXTENT[build.density]
    back = nipple[0] * extent
    centre = (nipple[0] - 0.55 * back - 0.02, nipple[1] + generator.normal(0, 0.02))
    across = build.half_height * (0.25 + 0.6 * extent)
    reach = np.hypot((xs - centre[0]) / (0.58 * back), (ys - centre[1]) / across)
    within = soft_step((1 - reach + 0.22 * cloud) / np.float32(0.10))

    bent = _smooth(height, width, generator)
    along, fine = _towards_nipple(nipple, xs, ys, bent, generator)
    walls, kinds = _lobules(height, width, generator)
    wall = np.exp(-((walls / np.float32(0.14)) ** 2)) * np.clip(0.35 + 0.45 * along + 0.35 * cloud, 0, 1)
    filled = _FILLED[build.density] + 0.55 * cloud + 0.30 * along + 0.9 * (kinds - 0.5) + 0.3 * wall
    gland = soft_step(filled / np.float32(0.38)) * within
    texture = 0.78 + 0.14 * along + 0.07 * fine + 0.10 * wall
    ligaments = 1.2 * wall + 0.6 * np.clip(along - 0.6, 0, 1.5)
    skin = np.clip((outline.distance - 0.010) / 0.03, 0, 1)  # a layer of fat is under it
    faint = (0.05 + 0.06 * within) * ligaments * (1 - 0.6 * gland)
    return np.asarray(skin * (GLAND * gland * np.clip(texture, 0.2, None) + faint), np.float32)


def _smooth(height: int, width: int, generator: np.random.Generator) -> Plane:
    return enlarge(spectral(48, max(48 * width // height, 8), 2.2, 1.0, generator), height, width)


def _towards_nipple(
    nipple: tuple[float, float], xs: Plane, ys: Plane, bent: Plane, generator: np.random.Generator
) -> tuple[Plane, Plane]:
    """Draw a coarse and a fine texture of deviation 1, with strands that run towards the nipple like ducts."""
    polar = spectral(64, 512, 1.3, 5.0, generator)
    dx, dy = nipple[0] + 0.10 - xs, ys - nipple[1]
    radius = np.hypot(dx, dy) * np.float32(64 / 0.9) + 2 * bent
    angle = np.arctan2(dy, dx) * np.float32(512 / (2 * np.pi)) + 256 + 6 * bent
    fine = spectral(128, 512, 0.9, 4.0, generator)
    return sampled(polar, radius, angle), sampled(fine, 2 * radius, 1.7 * angle)


def _lobules(height: int, width: int, generator: np.random.Generator) -> tuple[Plane, Plane]:
    """Draw walls between fat lobules, and each lobule's number (see `fields.cells`), coarser than the picture."""
    rows = min(max(height // 3, 32), _COARSE)
    columns = max(rows * width // height, 8)
    bent = _smooth(rows, columns, generator)
    walls, kinds = cells(rows, columns, _CELL, bent, generator)
    kinds = ndimage.gaussian_filter(kinds, 0.012 * rows)  # lobules have no sharp edges
    return enlarge(walls, height, width), enlarge(kinds, height, width)


def _vessels(
    build: Build, nipple: tuple[float, float], height: int, width: int, generator: np.random.Generator
) -> Plane:
    """Draw thin winding lines from the chest wall towards the nipple."""
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
            fill=int(generator.integers(110, 230)),
            width=max(1, round(height / 260)),
        )
    soft = canvas.filter(ImageFilter.GaussianBlur(height / 450))
    return np.asarray(soft, np.float32) * np.float32(0.12 / 255)


def _nipple_shadow(nipple: tuple[float, float], height: int, width: int) -> Plane:
    """Draw the soft disc of the nipple in profile, just behind the skin."""
    ys, xs = grid(height, width)
    square = ((xs - nipple[0] + 0.012) / 0.012) ** 2 + ((ys - nipple[1]) / 0.018) ** 2
    return np.asarray(0.14 * np.exp(-(square**2)), np.float32)


def _implant(outline: Outline, generator: np.random.Generator) -> Plane:
    """Return an implant's share of each pixel: a smooth even lens in front of the chest wall."""
    height, width = outline.distance.shape
    ys, xs = grid(height, width)
    deep, high = outline.nipple[0] * generator.uniform(0.42, 0.55), generator.uniform(0.20, 0.26)
    reach = np.hypot((xs - 0.15 * deep) / deep, (ys - outline.nipple[1]) / high)
    return soft_step((1 - reach) / np.float32(0.012))
