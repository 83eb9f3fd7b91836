"""Draws a lesion: how it changes the picture around its centre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.phantoms.drawing.calcifications import calcifications
from birads_zoo.phantoms.drawing.fields import Plane
from birads_zoo.phantoms.drawing.masses import Around, asymmetry_cover, halo, mass_cover, spicules
from birads_zoo.phantoms.findings import Finding

_REACH = 2.6  # radii to each side of the centre


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A drawn lesion, S×S around its centre.

    `cover` in [0, 1] is the share of a ray that goes through the lesion instead of the tissue. `over_gland` is how much
    brighter it is than the same amount of gland. `added` is additional brightness, of spicules and calcifications.
    `pull` in [0, 1] is how far it pulls the surrounding tissue to its centre. `mask` is the lesion's area.
    """

    cover: Plane
    over_gland: float
    added: Plane
    pull: float
    mask: NDArray[np.bool_]


def draw_patch(finding: Finding, breast_height: float, generator: np.random.Generator) -> Patch:
    """Draw `finding` in a breast `breast_height` pixels high. Two views of it never look exactly the same."""
    radius = max(finding.radius * breast_height * generator.uniform(0.93, 1.07), 1.5)
    reach = int(np.ceil(radius * _REACH)) + 3
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    around = Around(distance=np.hypot(xs, ys), angle=np.arctan2(ys, xs))
    cover, added = np.zeros_like(xs), np.zeros_like(xs)
    mask = around.distance <= radius
    pull = 0.0
    match finding.kind:
        case "mass" | "mass-with-calcifications":
            cover = mass_cover(finding, around, radius, generator)
            mask = cover > 0.3
            if finding.margin == "circumscribed":
                added = -0.045 * halo(cover)
            if finding.margin == "spiculated":
                added = spicules(around, radius, 0.10 + 0.12 * finding.roughness, generator) * (
                    1 - 0.9 * cover / cover.max()
                )
                mask |= added > 0.06
                pull = 0.35
        case "asymmetry":
            cover = asymmetry_cover(around, radius, generator)
            mask = cover > 0.3
        case "architectural-distortion":
            hollow = np.clip(around.distance / (0.6 * radius), 0, 1)  # no mass in the middle
            added = spicules(around, 1.15 * radius, 0.12 + 0.08 * finding.roughness, generator) * hollow
            mask |= added > 0.05
            pull = 0.8
    if finding.morphology:
        grains = calcifications(finding, xs.shape[0], radius, breast_height, generator)
        added = added + grains
        mask |= grains > 0.1
    return Patch(cover=cover, over_gland=_over_gland(finding), added=added, pull=pull, mask=mask)


def _over_gland(finding: Finding) -> float:
    """Return how much brighter than gland a lesion is; a lesion of low density is darker."""
    if finding.density == "low":
        return -0.17
    return (0.02 if finding.kind == "asymmetry" else 0.10) + 0.50 * finding.contrast
