"""Computes the share of a ray that goes through a mass or an asymmetry, by shape and margin."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from birads_zoo.phantoms.drawing.fields import Plane, soft_step, spectral
from birads_zoo.phantoms.findings import Finding

_HARD, _SOFT = 0.12, 0.8  # of the radius: the width of a circumscribed and of an indistinct margin


@dataclass(frozen=True, kw_only=True)
class Around:
    """Polar coordinates S×S around a lesion's centre: distance in pixels, angle in radians."""

    distance: Plane
    angle: Plane


def mass_cover(finding: Finding, around: Around, radius: float, generator: np.random.Generator) -> Plane:
    """Return S×S in [0, 1]: the projection of a mass of `radius` pixels, whose margin depends on the direction."""
    edge = _edge(finding, around, radius, generator)
    within = around.distance / edge
    margin = _margin(finding, around, generator)
    steepness = np.asarray(4 / np.maximum(margin, 1.4 / radius), np.float32)
    body = soft_step((1 - within) * steepness)
    dome = np.clip(1 - within**2, 0, None) ** np.float32(0.7)  # thickest in the middle, thin at its edge
    side = around.distance.shape[0]
    uneven = 1 + 0.12 * spectral(side, side, 1.7, 1.0, generator)  # a mass is tissue, not a uniform disc
    return np.asarray(np.clip(body * dome * uneven, 0, 1), np.float32)


def halo(cover: Plane) -> Plane:
    """Return S×S in [0, 1]: the thin dark rim of a circumscribed mass, just outside its `cover`."""
    wider = ndimage.gaussian_filter(cover, max(0.03 * cover.shape[0], 1.0))
    return np.asarray(np.clip(3 * (wider - cover), 0, 1), np.float32)


def asymmetry_cover(around: Around, radius: float, generator: np.random.Generator) -> Plane:
    """Return S×S in [0, 1]: tissue without a border, interspersed with fat."""
    side = around.distance.shape[0]
    patchy = spectral(side, side, 1.4, 1.0, generator)
    reach = around.distance / radius * (1 + 0.25 * np.cos(2 * around.angle + generator.uniform(0, 6.28)))
    soft = soft_step((1 - reach + 0.25 * patchy) / np.float32(0.16))
    return np.asarray(soft * np.clip(0.62 + 0.22 * patchy, 0, 1), np.float32)


def spicules(around: Around, radius: float, strength: float, generator: np.random.Generator) -> Plane:
    """Return the brightness, up to about `strength`, of fine lines that radiate from a centre; S×S."""
    field = np.zeros_like(around.distance)
    count = int(generator.integers(18, 32))
    directions = np.linspace(0, 2 * np.pi, count, endpoint=False) + generator.normal(0, 0.17, count)
    for direction in directions:
        length = radius * generator.uniform(1.2, 2.4)
        along = around.distance * np.cos(around.angle - direction)
        bend = generator.normal(0, 0.07) * along**2 / radius
        across = around.distance * np.sin(around.angle - direction) - bend
        width = max(0.055 * radius, 0.7) * np.clip(1.3 - along / length, 0.35, None)
        fade = np.clip((length - along) / (0.8 * length), 0, 1) * (along > 0)
        line = strength * generator.uniform(0.3, 1.0) * fade * np.exp(-((across / width) ** 2))
        field = np.maximum(field, line)
    return np.asarray(field, np.float32)


def _edge(finding: Finding, around: Around, radius: float, generator: np.random.Generator) -> Plane:
    """Return the distance of the mass's border from its centre in each direction, in pixels."""
    angle = around.angle - generator.uniform(0, 6.28)
    ratio = 1.0 if finding.shape == "round" else generator.uniform(0.62, 0.8)
    edge = ratio / np.hypot(ratio * np.cos(angle), np.sin(angle))
    uneven = 0.02 if finding.shape != "irregular" else 0.03 + 0.06 * finding.irregularity
    for lobes in (2, 3, 4, 5, 7, 9):
        edge = edge + uneven * generator.uniform(0.3, 1.0) * np.cos(lobes * angle + generator.uniform(0, 6.28))
    return np.asarray(np.clip(edge, 0.45, None) * radius, np.float32)


def _margin(finding: Finding, around: Around, generator: np.random.Generator) -> Plane:
    """Return the width of the mass's margin in each direction, as a share of the radius."""
    if finding.margin == "circumscribed":
        return np.full_like(around.angle, _HARD)
    if finding.margin == "obscured":  # sharp where it is visible
        hidden = soft_step(4 * np.cos(around.angle - generator.uniform(0, 6.28)) + 0.5)
        return np.asarray(_HARD + (_SOFT - _HARD) * hidden, np.float32)
    return np.full_like(around.angle, _SOFT if finding.margin == "indistinct" else 0.55 * _SOFT)
