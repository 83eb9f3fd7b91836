"""Finds the breast in a picture, and the side of its chest wall, from the pixels alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.picture import GreyArray

Mask = NDArray[np.bool_]
Levels = NDArray[np.uint8]

_LOOK = 256  # pixels on the longer side of the small copy in which the breast is searched
_DARK, _BRIGHT = 0.5, 94.0  # percentiles used as black and white: labels and borders are brighter than any breast
_HAZE = 0.01  # share of the whole range: percentiles closer than this differ only by compression noise
_NOISE = 3.0  # standard deviations of the film's grey: pixels within them are not breast
_FAINT = 1.5  # of 255 levels above the film, where the logarithmic scale begins: finer steps are compression noise
_SHARE = 0.07  # of the way from the film's grey to the breast's median grey: there the skin ends
_NEAR, _FAR = 0.024, 0.078  # of the longer side: inner and outer distance from the core of the ring that gives the film
_OPENING = 7  # pixels of the small copy: thinner bridges to labels, tape and borders are cut
_MARGIN = 2  # pixels of the small copy kept around the breast, because the skin line fades below the threshold
_STANDS_OUT = 6.0  # standard deviations of the film's grey by which a breast is brighter, else it fills the picture
_RECTANGLE = 0.93  # of its box that a film in black padding fills; a breast fills less
_WHOLE = 0.95  # of the picture: a larger region has no padding around it
_LEAST = 0.01  # of the picture: a smaller region is a label, not a breast
_ENDS = 0.10  # of the breast's width: the part at each end whose heights are compared to find the chest wall
_ALIKE = 0.02  # of the height: ends that differ by less do not decide


@dataclass(frozen=True, kw_only=True)
class Breast:
    """The breast's bounding box in source pixels (x1, y1 exclusive), and the side of its chest wall.

    If no breast was `detected`, the box is the whole picture.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    chest_right: bool
    detected: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """The breast in a small copy: its `mask`, and all pixels above its threshold as `bright`, labels included."""

    mask: Mask
    bright: Mask


def find_breast(image: GreyArray) -> Breast:
    """Find the breast in a picture of any size, on a copy of at most 256 pixels a side (see `breast_region`).

    The chest wall is at the end where the region is higher, because a breast tapers towards the nipple. An end is a
    tenth of the width. If both ends are equally high (the breast fills the picture), the brighter half decides, because
    the pectoral muscle and dense tissue are near the chest wall. If nothing stands out, the whole picture is the
    breast.
    """
    small, step = _reduced(image)
    return _box_of(image, small, step, breast_region(small))


def crop_to_breast(image: GreyArray) -> tuple[GreyArray, Breast]:
    """Crop a picture of any size to the breast's box, and make labels in it as dark as the film around them.

    A label in the box is removed only if it does not touch the breast, and if the breast is not on both sides of it,
    nor both above and below it. Such a spot may be part of a faint breast.
    """
    small, step = _reduced(image)
    region = breast_region(small)
    breast = _box_of(image, small, step, region)
    part = image[breast.y0 : breast.y1, breast.x0 : breast.x1]
    if region is None:
        return part, breast
    kept = _grown(_between(region.mask) | _between(region.mask.T).T, _OPENING)
    marks = _grown(region.bright & ~kept, 2 * _MARGIN + 1) & ~kept
    beside = _grown(marks, 2 * _OPENING + 1) & ~marks & ~kept
    within = marks[breast.y0 // step : -(-breast.y1 // step), breast.x0 // step : -(-breast.x1 // step)]
    if within.any() and beside.any():
        film = image.dtype.type(round(float(np.median(small[beside]))))
        part = np.where(_enlarged(within, step, part.shape), np.minimum(part, film), part)
    return part, breast


def breast_area(image: GreyArray) -> Mask:
    """Return the mask of the breast in an H×W picture, as `find_breast` finds it; all true if nothing stands out."""
    small, step = _reduced(image)
    region = breast_region(small)
    if region is None:
        return np.ones(image.shape, np.bool_)
    return _enlarged(region.mask, step, image.shape)


def breast_region(small: NDArray[np.float32]) -> Region | None:
    """Find the breast in a picture of at most 256 pixels a side; `None` if nothing stands out.

    Films differ: a breast can be a hundredth as bright as the label beside it, and one film as grey as another film's
    breast. So the threshold is found in two steps.

    1. A bright core. Otsu's threshold (1979, IEEE Trans. SMC 9:62–66) splits the grey levels above the film's, which is
       the commonest dark level. Its scale is logarithmic, so that it separates a faint breast as well as a bright one.
       The core is the region with the largest sum of brightness.
    2. The skin. The film's grey is measured again around the core. The threshold is 7 % of the way from there to the
       core's median.

    An opening of 7 pixels cuts off labels, tape and borders from a region.
    """
    levels = _levelled(small)
    if levels is None:
        return None
    counts = np.bincount(levels.ravel(), minlength=256)
    scale = np.arange(256, dtype=np.float64)
    film = int(np.argmax(counts[: 1 + _otsu(counts, scale)]))
    noise = (film - _quantile(counts[: film + 1], 0.5)) / 0.6745  # only the film has darker levels
    logarithmic = np.log1p(np.clip(scale - film, 0, None) / max(_NOISE * noise, _FAINT))
    parting = _otsu(counts, logarithmic)
    above = counts.copy()
    above[: parting + 1] = 0
    if not above.any():
        return None
    weights = np.clip(scale - film, 0, max(_quantile(above, 0.5) - film, 1))  # limits the weight of a label's pixels
    core = _heaviest(_opened(levels > parting), weights[levels])
    if core is None:
        return None
    tissue = _quantile(np.bincount(levels[core], minlength=256), 0.5)
    if tissue - film < _STANDS_OUT * noise:
        return None
    beside, spread = _film_around(levels, core, film, noise)
    threshold = min(max(beside + _SHARE * (tissue - beside), beside + _NOISE * spread), parting)
    bright = levels > threshold
    regions, _ = ndimage.label(_opened(bright) | core)
    mask: Mask = regions == int(np.argmax(np.bincount(regions[core])))
    if mask.mean() < _LEAST:
        return None
    return _within_film(small, mask) or Region(mask=mask, bright=bright)


def _within_film(small: NDArray[np.float32], mask: Mask) -> Region | None:
    """Search again inside a rectangular region, because it may be a whole film in black padding, not a breast."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if mask[box].mean() < _RECTANGLE or mask[box].size > _WHOLE * mask.size:
        return None
    inner = breast_region(small[box])
    if inner is None:
        return None
    inside, bright = np.zeros_like(mask), np.zeros_like(mask)
    inside[box], bright[box] = inner.mask, inner.bright
    return Region(mask=inside, bright=bright)


def chest_is_right(mask: Mask, small: NDArray[np.float32]) -> bool:
    """Return whether a breast's region is higher on the right, or, if both ends are alike, brighter there."""
    columns = np.flatnonzero(mask.any(axis=0))
    inner = slice(columns[0], columns[-1] + 1)
    heights = mask[:, inner].sum(axis=0)
    end = max(round(_ENDS * len(heights)), 1)
    left, right = float(heights[:end].mean()), float(heights[-end:].mean())
    if abs(left - right) > _ALIKE * max(left, right):
        return right > left
    weight = np.where(mask, small - small.min(), 0)[:, inner].sum(axis=0)
    return float((weight * np.linspace(-1, 1, len(weight))).sum()) > 0


def _reduced(image: GreyArray) -> tuple[NDArray[np.float32], int]:
    """Return a copy of at most 256 pixels a side, and how many of the picture's pixels one pixel of it spans."""
    step = max(1, -(-max(image.shape) // _LOOK))
    whole = Image.fromarray(image.astype(np.float32)) if image.dtype == np.uint16 else Image.fromarray(image)
    return np.asarray(whole.reduce(step) if step > 1 else whole, dtype=np.float32), step


def _enlarged(mask: Mask, step: int, shape: tuple[int, ...]) -> Mask:
    """Enlarge a small copy's mask to the size of its picture."""
    return np.repeat(np.repeat(mask, step, axis=0), step, axis=1)[: shape[0], : shape[1]]


def _box_of(image: GreyArray, small: NDArray[np.float32], step: int, region: Region | None) -> Breast:
    height, width = image.shape
    mask = np.ones(small.shape, np.bool_) if region is None else region.mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Breast(
        x0=max(int(columns[0]) - _MARGIN, 0) * step,
        y0=max(int(rows[0]) - _MARGIN, 0) * step,
        x1=min((int(columns[-1]) + 1 + _MARGIN) * step, width),
        y1=min((int(rows[-1]) + 1 + _MARGIN) * step, height),
        chest_right=chest_is_right(mask, small),
        detected=region is not None,
    )


def _levelled(small: NDArray[np.float32]) -> Levels | None:
    """Return a smoothed picture in 256 levels; `None` if all its pixels are equal."""
    smooth = ndimage.uniform_filter(small, 3)
    black, white = np.percentile(smooth, (_DARK, _BRIGHT))
    if white - black <= _HAZE * (smooth.max() - black):  # the breast covers less than 1/16, or there is none
        black, white = smooth.min(), smooth.max()
    if white <= black:
        return None
    levels: Levels = np.rint(np.clip((smooth - black) / (white - black), 0, 1) * 255).astype(np.uint8)
    return levels


def _film_around(levels: Levels, core: Mask, film: float, noise: float) -> tuple[float, float]:
    """Return the film's level and its spread in a ring around the core, or `film` and `noise` if it is small."""
    side = max(levels.shape)
    ring = _grown(core, 2 * round(_FAR * side) + 1) & ~_grown(core, 2 * round(_NEAR * side) + 1)
    if ring.sum() < side / 5:
        return film, noise
    counts = np.bincount(levels[ring], minlength=256)
    dark = _quantile(counts, 0.3)  # the brighter levels are labels and the skin's fading edge
    below = counts[: int(dark) + 1]
    return dark, (dark - _quantile(below, 0.5)) / 0.6745


def _otsu(counts: NDArray[np.int64], values: NDArray[np.float64]) -> int:
    """Return Otsu's threshold: the last level of the darker part when the variance between both parts is largest."""
    below = np.cumsum(counts)
    sums = np.cumsum(counts * values)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.argmax(np.nan_to_num(between[:-1])))


def _quantile(counts: NDArray[np.int64], share: float) -> float:
    """Return the level below which the given share of the counted pixels is."""
    total = np.cumsum(counts)
    return float(np.searchsorted(total, share * total[-1]))


def _opened(mask: Mask) -> Mask:
    """Open with a square that fits into the picture, then restore tips and corners next to what is left."""
    size = min(_OPENING, min(mask.shape) // 4) // 2 * 2 - 1 if min(mask.shape) < 4 * _OPENING else _OPENING
    if size < 3:  # erosion would remove everything in a tiny picture
        return mask
    eroded = ndimage.minimum_filter(mask.view(np.uint8), size, mode="constant", cval=0)
    return mask & _grown(eroded.astype(np.bool_), 2 * size - 1)


def _grown(mask: Mask, size: int) -> Mask:
    """Grow a mask by a square of `size` pixels."""
    grown: Mask = ndimage.maximum_filter(mask.view(np.uint8), size, mode="constant", cval=0).astype(np.bool_)
    return grown


def _heaviest(mask: Mask, weights: NDArray[np.float64]) -> Mask | None:
    """Return the connected region of `mask` with the largest sum of weights."""
    regions, count = ndimage.label(mask)
    if count == 0:
        return None
    largest: Mask = regions == 1 + int(np.argmax(np.bincount(regions.ravel(), weights.ravel())[1:]))
    return largest


def _between(mask: Mask) -> Mask:
    """Fill each column of the mask from its first to its last pixel."""
    down, up = np.logical_or.accumulate(mask, axis=0), np.logical_or.accumulate(mask[::-1], axis=0)[::-1]
    between: Mask = down & up
    return between
