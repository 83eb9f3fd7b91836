"""Draws a lesion's features in the terms of the BI-RADS atlas (ACR, 5th edition, 2013), given its suspicion.

Each feature is drawn independently from the lesion's suspicion plus noise. So a spiculated mass is more often a 5 than
an oval mass, but no feature occurs in one category only.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

LesionType = Literal["mass", "mass-with-calcifications", "calcifications", "asymmetry", "architectural-distortion"]
Shape = Literal["round", "oval", "irregular", ""]
Margin = Literal["circumscribed", "obscured", "indistinct", "spiculated", ""]
Density = Literal["low", "equal", "high", ""]
Morphology = Literal["punctate", "amorphous", "pleomorphic", "fine-linear", ""]
Distribution = Literal["regional", "grouped", "linear", "segmental", ""]

_NOISE = 0.04  # standard deviation of a feature from the suspicion


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The features of a lesion that both views of a breast share.

    - `radius`: of the mass or the cluster, as a share of the breast's height.
    - `depth`: the distance from the nipple, as a share of the distance from nipple to chest wall.
    - `offsets`: the distance from the nipple's level in the CC and the MLO view, as shares of the breast's height.
    - `irregularity`, `roughness`, `contrast`: the values behind the terms `shape`, `margin` and `density`, in about
      [0, 1].

    A term is "" if a kind does not have it.
    """

    suspicion: float
    kind: LesionType
    shape: Shape
    margin: Margin
    density: Density
    morphology: Morphology
    distribution: Distribution
    irregularity: float
    roughness: float
    contrast: float
    radius: float
    depth: float
    offsets: tuple[float, float]


def draw_finding(suspicion: float, generator: np.random.Generator) -> Finding:
    """Draw a lesion of a suspicion in [0, 1]."""
    features = np.clip(suspicion + _NOISE * generator.standard_normal(5), 0, 1)
    irregularity, roughness, contrast, clumped, ordered = (float(value) for value in features)
    kind = _kind(suspicion, generator)
    massive, calcified = kind.startswith("mass"), kind.endswith("calcifications")
    return Finding(
        suspicion=suspicion,
        kind=kind,
        shape=_shape(irregularity, generator) if massive else "",
        margin=_margin(roughness, generator) if massive else "",
        density=_density(contrast, generator) if massive or kind == "asymmetry" else "",
        morphology=_morphology(clumped) if calcified else "",
        distribution=_distribution(ordered) if calcified else "",
        irregularity=irregularity,
        roughness=roughness,
        contrast=contrast,
        radius=generator.uniform(0.066, 0.102) * (1.25 if kind == "asymmetry" else 1.0),
        depth=generator.uniform(0.3, 0.75),
        offsets=(generator.uniform(-0.25, 0.25), generator.uniform(-0.22, 0.22)),
    )


def _kind(suspicion: float, generator: np.random.Generator) -> LesionType:
    """Draw the kind: asymmetries are less suspicious, distortions and calcified masses more."""
    chances: dict[LesionType, float] = {
        "calcifications": 0.12,
        "asymmetry": 0.06 * (1 - suspicion),
        "architectural-distortion": 0.02 + 0.06 * suspicion,
        "mass-with-calcifications": 0.04 + 0.26 * suspicion,
    }
    chances["mass"] = 1 - sum(chances.values())
    names = list(chances)
    return names[int(generator.choice(len(names), p=list(chances.values())))]


def _shape(irregularity: float, generator: np.random.Generator) -> Shape:
    if irregularity > 0.5:
        return "irregular"
    return "round" if generator.random() < 0.4 else "oval"


def _margin(roughness: float, generator: np.random.Generator) -> Margin:
    if roughness > 0.62:
        return "spiculated"
    if roughness > 0.36:
        return "indistinct"
    return "obscured" if generator.random() < 0.3 else "circumscribed"


def _density(contrast: float, generator: np.random.Generator) -> Density:
    """Draw the density: one in six of the least suspicious masses contains fat, and suspicious ones seldom do."""
    if generator.random() < 0.18 * (1 - contrast):
        return "low"
    return "high" if contrast > 0.45 else "equal"


def _morphology(clumped: float) -> Morphology:
    """Return the morphology. Terms are in the order of cancer rates in the atlas' studies: 4B and 4C come last."""
    if clumped > 0.75:
        return "fine-linear"
    if clumped > 0.5:
        return "pleomorphic"
    return "amorphous" if clumped > 0.25 else "punctate"


def _distribution(ordered: float) -> Distribution:
    if ordered > 0.8:
        return "segmental"
    if ordered > 0.6:
        return "linear"
    return "grouped" if ordered > 0.2 else "regional"
