"""Baseline maps: heat maps that need no network, and that an explainer has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Maps = NDArray[np.float32]
Masks = NDArray[np.bool_]

_SMOOTH = 32  # the picture's longer side divided by the standard deviation of the smoothing


def moved_maps(maps: Maps, breasts: Masks, generators: Sequence[np.random.Generator]) -> Maps:
    """Return each map moved so that its maximum is at a random pixel of the breast: the random baseline.

    A random map is a fair comparison only if it is as smooth and as peaked as the explainer's map, because a network
    reacts differently to a thousand blurred specks than to one blurred patch of the same area. So this baseline is the
    explainer's own map in another place: shape and values are the same, the place is random. What moves over one edge
    comes back at the opposite edge, and the map is 0 outside of the breast. Its chance of pointing into a lesion is the
    lesion's share of the breast.

    Args:
        maps: N×H×W in [0, 1].
        breasts: N×H×W, with at least one pixel each.
        generators: N, one per map; each pixel of the breast is drawn with the same chance.

    """
    moved = np.zeros_like(maps)
    for number, (heat_map, breast, generator) in enumerate(zip(maps, breasts, generators, strict=True)):
        goal = generator.choice(np.flatnonzero(breast))
        shift = np.subtract(np.unravel_index(goal, heat_map.shape), np.unravel_index(heat_map.argmax(), heat_map.shape))
        moved[number] = np.roll(heat_map, shift, axis=(0, 1)) * breast
    return moved


def centre_maps(breasts: Masks) -> Maps:
    """Return maps with a Gaussian around the centroid of each breast, and 0 outside of it.

    Its standard deviation is half the radius of a circle with the breast's area.
    """
    maps = np.zeros(breasts.shape, np.float32)
    ys, xs = np.indices(breasts.shape[1:])
    for number, breast in enumerate(breasts):
        y, x = ndimage.center_of_mass(breast)
        sigma = (breast.sum() / np.pi) ** 0.5 / 2
        maps[number] = np.exp(-((ys - y) ** 2 + (xs - x) ** 2) / (2 * sigma**2)) * breast
    return maps


def brightness_maps(pictures: Maps, breasts: Masks) -> Maps:
    """Return the pictures (N×H×W in [0, 1]) as maps, slightly smoothed, and 0 outside of the breast."""
    sigma = max(pictures.shape[1:]) / _SMOOTH
    smooth = np.stack([ndimage.gaussian_filter(picture, sigma) for picture in pictures])
    return np.asarray(smooth * breasts, np.float32)
