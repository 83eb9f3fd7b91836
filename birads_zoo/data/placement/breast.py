"""Where the breast is in a picture, and on which side its chest wall is, from the pixels alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.picture import GreyArray

Mask = NDArray[np.bool_]
Levels = NDArray[np.uint8]

_LOOK = 256  # pixels on the longer side of the copy in which the breast is looked for
_DARK, _BRIGHT = 0.5, 94.0  # percentiles taken as black and white: labels and borders are brighter than any breast
_HAZE = 0.01  # of the whole range: between fainter percentiles there is nothing but compression's noise
_NOISE = 3.0  # deviations of the film's own grey that are no breast
_FAINT = 1.5  # levels of 255 above the film at which the logarithmic scale begins: finer is compression's
_SHARE = 0.07  # of the way from the film's grey to the breast's median: there the skin ends
_NEAR, _FAR = 0.024, 0.078  # of the longer side: how far around the bright core the film's grey is taken
_OPENING = 7  # pixels of that copy: thinner bridges to labels, tape and borders are cut
_MARGIN = 2  # pixels of that copy kept around the breast: the skin line fades below the threshold
_STANDS_OUT = 6.0  # deviations of the film's grey that a breast is above it, or it fills the picture
_RECTANGLE = 0.93  # of its box is filled by a film that lies in black padding; a breast fills less
_WHOLE = 0.95  # of the picture: a larger region has no padding around it
_LEAST = 0.01  # of the picture: a smaller region is a label, not a breast
_ENDS = 0.10  # of the breast's width at each end, whose heights tell the chest wall
_ALIKE = 0.02  # of the height by which both ends may differ and still tell nothing


@dataclass(frozen=True, kw_only=True)
class Breast:
    """The breast's bounding box in source pixels (x1, y1 exclusive), and the side on which the chest wall is.

    Where no breast was `found` the box is the whole picture.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    chest_right: bool
    detected: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """The breast in a small copy: its `mask`, and all that is as `bright`, labels too."""

    mask: Mask
    bright: Mask


def find_breast(image: GreyArray) -> Breast:
    """Find the breast in a picture of any size, on a copy of at most 256 pixels a side (see `breast_region`).

    The chest wall is where the region is higher: of its two ends, a tenth of its width each, a breast tapers towards
    the nipple's. Where both are equally high (it fills the picture) the brighter half tells, for the pectoral muscle
    and dense tissue lie deep. A picture in which nothing stands out is a breast as a whole.
    """
    small, step = _reduced(image)
    return _found(image, small, step, breast_region(small))


def crop_to_breast(image: GreyArray) -> tuple[GreyArray, Breast]:
    """Return the breast's box of a picture of any size, and labels in it as dark as the film around them.

    A label in a corner of the box goes only if it does not touch the breast, and if no part of the breast lies on both
    sides of it, or above and below: such a spot may be the breast's own, where all around it is faint.
    """
    small, step = _reduced(image)
    region = breast_region(small)
    breast = _found(image, small, step, region)
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
    """Return where the breast is in an H×W picture, as `find_breast` sees it; everywhere if nothing stands out."""
    small, step = _reduced(image)
    region = breast_region(small)
    if region is None:
        return np.ones(image.shape, np.bool_)
    return _enlarged(region.mask, step, image.shape)


def breast_region(small: NDArray[np.float32]) -> Region | None:
    """Find the breast in a picture of at most 256 pixels a side; `None` where nothing stands out.

    Films differ: a breast can be a hundredth as bright as the label beside it, and film as grey as another's breast.
    So the threshold is found in two steps. First a bright core: the grey levels above the film's (the commonest of
    the dark ones) are parted by Otsu's threshold (1979, IEEE Trans. SMC 9:62–66) on a logarithmic scale, on which a
    faint breast is as far from the film as a bright one from it; of the regions, the one that weighs most. Then its
    skin: the film's grey is taken again right around the core, and the threshold is 7 % of the way from there to
    the core's median. A region keeps what an opening of 7 pixels leaves, which cuts off labels, tape and borders.
    """
    levels = _levelled(small)
    if levels is None:
        return None
    counts = np.bincount(levels.ravel(), minlength=256)
    scale = np.arange(256, dtype=np.float64)
    film = int(np.argmax(counts[: 1 + _otsu(counts, scale)]))
    noise = (film - _quantile(counts[: film + 1], 0.5)) / 0.6745  # darker levels are the film's alone
    logarithmic = np.log1p(np.clip(scale - film, 0, None) / max(_NOISE * noise, _FAINT))
    parting = _otsu(counts, logarithmic)
    above = counts.copy()
    above[: parting + 1] = 0
    if not above.any():
        return None
    weights = np.clip(scale - film, 0, max(_quantile(above, 0.5) - film, 1))  # a label's pixel weighs no more
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
    """Look again in a region that is a rectangle, for it may be a whole film in black padding, not a breast."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if mask[box].mean() < _RECTANGLE or mask[box].size > _WHOLE * mask.size:
        return None
    inner = breast_region(small[box])
    if inner is None:
        return None
    found, bright = np.zeros_like(mask), np.zeros_like(mask)
    found[box], bright[box] = inner.mask, inner.bright
    return Region(mask=found, bright=bright)


def chest_is_right(mask: Mask, small: NDArray[np.float32]) -> bool:
    """Tell on which side a breast's region is higher, or where that says nothing, heavier."""
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
    """Return a copy of at most 256 pixels a side, and how many of the picture's pixels one of its own spans."""
    step = max(1, -(-max(image.shape) // _LOOK))
    whole = Image.fromarray(image.astype(np.float32)) if image.dtype == np.uint16 else Image.fromarray(image)
    return np.asarray(whole.reduce(step) if step > 1 else whole, dtype=np.float32), step


def _enlarged(mask: Mask, step: int, shape: tuple[int, ...]) -> Mask:
    """Return a copy's mask in the size of its picture."""
    return np.repeat(np.repeat(mask, step, axis=0), step, axis=1)[: shape[0], : shape[1]]


def _found(image: GreyArray, small: NDArray[np.float32], step: int, region: Region | None) -> Breast:
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
    """Return a smoothed picture in 256 levels, `None` for one of a single grey."""
    smooth = ndimage.uniform_filter(small, 3)
    black, white = np.percentile(smooth, (_DARK, _BRIGHT))
    if white - black <= _HAZE * (smooth.max() - black):  # a breast on less than a sixteenth of the picture, or nothing
        black, white = smooth.min(), smooth.max()
    if white <= black:
        return None
    levels: Levels = np.rint(np.clip((smooth - black) / (white - black), 0, 1) * 255).astype(np.uint8)
    return levels


def _film_around(levels: Levels, core: Mask, film: float, noise: float) -> tuple[float, float]:
    """Return the film's level and its spread in a ring around the core, or what the whole picture says without one."""
    side = max(levels.shape)
    ring = _grown(core, 2 * round(_FAR * side) + 1) & ~_grown(core, 2 * round(_NEAR * side) + 1)
    if ring.sum() < side / 5:
        return film, noise
    counts = np.bincount(levels[ring], minlength=256)
    dark = _quantile(counts, 0.3)  # the skin's fading edge and labels are the brighter ones
    below = counts[: int(dark) + 1]
    return dark, (dark - _quantile(below, 0.5)) / 0.6745


def _otsu(counts: NDArray[np.int64], values: NDArray[np.float64]) -> int:
    """Return the last level of the darker part: of the two parts, the variance between their values is largest."""
    below = np.cumsum(counts)
    sums = np.cumsum(counts * values)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.argmax(np.nan_to_num(between[:-1])))


def _quantile(counts: NDArray[np.int64], share: float) -> float:
    """Return the level below which a share of the counted pixels lies."""
    total = np.cumsum(counts)
    return float(np.searchsorted(total, share * total[-1]))


def _opened(mask: Mask) -> Mask:
    """Open by a square that fits into the picture, and take back what lies next to what is left: tips and corners."""
    size = min(_OPENING, min(mask.shape) // 4) // 2 * 2 - 1 if min(mask.shape) < 4 * _OPENING else _OPENING
    if size < 3:  # a tiny picture is not eroded away
        return mask
    eroded = ndimage.minimum_filter(mask.view(np.uint8), size, mode="constant", cval=0)
    return mask & _grown(eroded.astype(np.bool_), 2 * size - 1)


def _grown(mask: Mask, size: int) -> Mask:
    """Grow a mask by a square of `size` pixels."""
    grown: Mask = ndimage.maximum_filter(mask.view(np.uint8), size, mode="constant", cval=0).astype(np.bool_)
    return grown


def _heaviest(mask: Mask, weights: NDArray[np.float64]) -> Mask | None:
    """Return the connected region of `mask` whose weights sum to the most."""
    regions, count = ndimage.label(mask)
    if count == 0:
        return None
    largest: Mask = regions == 1 + int(np.argmax(np.bincount(regions.ravel(), weights.ravel())[1:]))
    return largest


def _between(mask: Mask) -> Mask:
    """Return, in each column, what lies between the mask's first and last pixel."""
    down, up = np.logical_or.accumulate(mask, axis=0), np.logical_or.accumulate(mask[::-1], axis=0)[::-1]
    between: Mask = down & up
    return between
