"""Heat maps that need no network: what an explainer's maps have to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Maps = NDArray[np.float32]
Masks = NDArray[np.bool_]

_SMOOTH = 32  # the picture's longer side in standard deviations of the smoothing of its brightness


def moved_maps(maps: Maps, breasts: Masks, generators: Sequence[np.random.Generator]) -> Maps:
    """Return each map moved so that its maximum is at a random pixel of the breast: the random baseline.

    A random map is a fair opponent only if it is as smooth and as peaked as the map it is held against, since a network
    minds a thousand blurred specks otherwise than one blurred patch of the same area. The explainer's own map
    elsewhere is that: shape and values are the same, the place is random. What goes beyond one edge comes back at the
    other, and nothing is left outside of the breast. It points into a lesion as often as the lesion's share of the
    breast says.

    Args:
        maps: N×H×W in [0, 1].
        breasts: N×H×W, with at least one pixel each.
        generators: N, that draw the pixels, each of a breast's as likely as any other.

    """
    moved = np.zeros_like(maps)
    for number, (one, breast, generator) in enumerate(zip(maps, breasts, generators, strict=True)):
        goal = generator.choice(np.flatnonzero(breast))
        shift = np.subtract(np.unravel_index(goal, one.shape), np.unravel_index(one.argmax(), one.shape))
        moved[number] = np.roll(one, shift, axis=(0, 1)) * breast
    return moved


def centre_maps(breasts: Masks) -> Maps:
    """Return maps that fall from the middle of each breast: a Gaussian around its centroid, nothing outside of it.

    Its standard deviation is half the radius of a circle of the breast's area.
    """
    made = np.zeros(breasts.shape, np.float32)
    ys, xs = np.indices(breasts.shape[1:])
    for number, breast in enumerate(breasts):
        y, x = ndimage.center_of_mass(breast)
        sigma = (breast.sum() / np.pi) ** 0.5 / 2
        made[number] = np.exp(-((ys - y) ** 2 + (xs - x) ** 2) / (2 * sigma**2)) * breast
    return made


def brightness_maps(pictures: Maps, breasts: Masks) -> Maps:
    """Return N×H×W pictures in [0, 1] themselves as maps, a little smoothed, and nothing outside of the breast."""
    sigma = max(pictures.shape[1:]) / _SMOOTH
    smooth = np.stack([ndimage.gaussian_filter(picture, sigma) for picture in pictures])
    return np.asarray(smooth * breasts, np.float32)
