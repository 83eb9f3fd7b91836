"""What a lesion adds to a breast, by BI-RADS category, and where exactly it is.

Category 3 is a round mass with a sharp, smooth margin; 4 an irregular mass with an ill-defined margin, or clustered
microcalcifications; 5 a spiculated mass, often with calcifications. The wording follows the BI-RADS atlas (ACR,
5th edition, 2013); the shapes are the simplest that show it at the scale of a small network's receptive field.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Kind = Literal["round-mass", "irregular-mass", "calcifications", "spiculated-mass"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A lesion as both views of one breast share it.

    `radius` is the mass's (or the cluster's) in shares of the breast's height, `depth` its distance from the nipple
    in shares of the distance from nipple to chest wall, `offsets` its distance from the nipple's level in the CC
    and the MLO view in shares of the breast's height.
    """

    category: str
    kind: Kind
    radius: float
    depth: float
    offsets: tuple[float, float]
    calcifications: int


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A drawn lesion: `field` is the brightness it adds and `mask` where it is, both S×S around its centre."""

    field: Plane
    mask: NDArray[np.bool_]


def draw_finding(generator: np.random.Generator, category: str) -> Finding:
    """Draw a lesion of `category` "3", "4" or "5"."""
    kind: Kind = "round-mass" if category == "3" else "spiculated-mass"
    if category == "4":
        kind = "irregular-mass" if generator.random() < 0.5 else "calcifications"
    calcifications = 0
    if kind == "calcifications":
        calcifications = int(generator.integers(14, 25))
    elif kind == "spiculated-mass" and generator.random() < 0.6:
        calcifications = int(generator.integers(5, 10))
    return Finding(
        category=category,
        kind=kind,
        radius=generator.uniform(0.045, 0.07) if kind != "calcifications" else generator.uniform(0.05, 0.075),
        depth=generator.uniform(0.3, 0.75),
        offsets=(generator.uniform(-0.25, 0.25), generator.uniform(-0.22, 0.22)),
        calcifications=calcifications,
    )


def draw_patch(finding: Finding, breast_height: float, generator: np.random.Generator) -> Patch:
    """Draw `finding` in a breast `breast_height` pixels high; no two views of it look quite the same."""
    radius = max(finding.radius * breast_height * generator.uniform(0.93, 1.07), 1.5)
    reach = int(np.ceil(radius * 2.6)) + 3
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    grid = np.hypot(xs, ys), np.arctan2(ys, xs)
    match finding.kind:
        case "round-mass":
            field = _round_mass(grid, radius, generator)
        case "irregular-mass":
            field = _irregular_mass(grid, radius, generator)
        case "spiculated-mass":
            field = _spiculated_mass(grid, radius, generator)
        case "calcifications":
            field = 0.05 * np.exp(-((grid[0] / radius) ** 2))
    mask = field > 0.085
    if finding.calcifications:
        spread = 0.85 if finding.kind == "calcifications" else 0.6
        specks = _specks(xs, ys, radius * spread, finding.calcifications, breast_height, generator)
        mask |= specks > 0.1 if finding.kind != "calcifications" else grid[0] <= radius
        field = field + specks
    return Patch(field=np.asarray(field, np.float32), mask=mask)


def _round_mass(grid: tuple[Plane, Plane], radius: float, generator: np.random.Generator) -> Plane:
    distance, angle = grid
    edge = radius * (1 + generator.uniform(0, 0.07) * np.cos(2 * angle + generator.uniform(0, 6.28)))
    inside = _soft_step((edge - distance) / max(0.045 * radius, 0.45))
    halo = np.exp(-(((distance - 1.16 * edge) / (0.1 * radius)) ** 2))
    return np.asarray(inside * generator.uniform(0.25, 0.30) - 0.045 * halo, np.float32)


def _irregular_mass(grid: tuple[Plane, Plane], radius: float, generator: np.random.Generator) -> Plane:
    distance, angle = grid
    edge = np.ones_like(angle)
    for lobes in (2, 3, 4, 5, 7):
        edge += generator.uniform(0.05, 0.14) * np.cos(lobes * angle + generator.uniform(0, 6.28))
    inside = _soft_step((np.clip(edge, 0.55, None) * radius - distance) / (0.17 * radius))
    patchy = 1 + 0.16 * np.cos(distance / radius * 5 + 3 * angle + generator.uniform(0, 6.28))
    return np.asarray(inside * patchy * generator.uniform(0.25, 0.30), np.float32)


def _spiculated_mass(grid: tuple[Plane, Plane], radius: float, generator: np.random.Generator) -> Plane:
    distance, angle = grid
    core = 0.62 * radius * (1 + 0.15 * np.cos(3 * angle + generator.uniform(0, 6.28)))
    field = generator.uniform(0.25, 0.30) * _soft_step((core - distance) / (0.10 * radius))
    count = int(generator.integers(12, 18))
    around = np.linspace(0, 2 * np.pi, count, endpoint=False) + generator.normal(0, 0.13, count)
    for direction in around:
        length, strength = radius * generator.uniform(1.2, 2.4), generator.uniform(0.14, 0.25)
        along = distance * np.cos(angle - direction)
        bend = generator.normal(0, 0.05) * along**2 / radius
        across = distance * np.sin(angle - direction) - bend
        width = max(0.075 * radius, 0.75) * np.clip(1.25 - along / length, 0.35, None)
        fade = np.clip((length - along) / (0.5 * length), 0, 1) * (along > 0)
        field = np.maximum(field, strength * fade * np.exp(-((across / width) ** 2)))
    return np.asarray(field, np.float32)


def _specks(
    xs: Plane, ys: Plane, spread: float, count: int, breast_height: float, generator: np.random.Generator
) -> Plane:
    """Calcifications: `count` bright grains within `spread` pixels, wide enough to outlive a resize to 224 pixels."""
    field = np.zeros_like(xs)
    for _ in range(count):
        away, towards = spread * np.sqrt(generator.random()), generator.uniform(0, 2 * np.pi)
        size = breast_height * generator.uniform(0.0030, 0.0048)
        square = (xs - away * np.cos(towards)) ** 2 + (ys - away * np.sin(towards)) ** 2
        field = np.maximum(field, generator.uniform(0.4, 0.6) * np.exp(-square / (2 * max(size, 0.6) ** 2)))
    return np.asarray(field, np.float32)


def _soft_step(values: Plane) -> Plane:
    return np.asarray(1 / (1 + np.exp(-np.clip(2 * values, -30, 30))), np.float32)
