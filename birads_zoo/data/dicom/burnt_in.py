"""Removes what is burnt into a picture beside the breast: letters, scratches, film edges, a white frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import breast_region

_LOOK = 256  # pixels on the longer side of the small copy in which marks are searched
_WHITE = 0.98  # share of the highest grey value: at least this counts as white
_LINE = 0.98  # share of an edge line that is white in a frame; its corners may be rounded
_BAR = 0.85  # share of the highest grey value: a scanned film's edge is seldom white
_STEP = 0.75  # share of a bar's grey: what is beyond the bar is darker than this
_LONG = 0.2  # share of the width that a bar covers at least
_EDGE = 0.2  # share of the way from the film's grey to the breast's median: fainter marks are left
_THIN = 3  # pixels of the small copy: half the width of what is too thin to belong to the breast
_NEAR = 12  # pixels of the small copy around the breast that are never changed: its skin, its nipple
_SPREAD = 4  # pixels of the small copy by which a mark is widened, because it fades at its edge
_ROWS = 32  # of the small copy that are made at once
_MOST = 0.2  # share of the picture: anything larger is not a mark, and is left


def without_marks(grey: GreyArray) -> GreyArray:
    """Return an H×W picture in which a frame and bars are black, and marks beside the breast are as dark as the film.

    The breast is the region that stands out from the film (`placement.breast.breast_region`), and all pixels joined to
    it that are brighter than a fifth of its median grey. The breast and its surroundings keep every pixel. If there is
    no breast, only the frame and the bars are removed.
    """
    framed = _without_bars(_without_frame(grey))
    step = max(1, max(framed.shape) // _LOOK)
    small = _reduced(framed, step)
    marks = _marks(small)
    if marks is None:
        return framed
    marked, film = marks
    height, width = framed.shape
    large = np.repeat(np.repeat(marked, step, axis=0), step, axis=1)[:height, :width]
    cleaned = framed.copy()
    cleaned[large] = np.minimum(framed[large], framed.dtype.type(round(film)))
    return cleaned


def _reduced(grey: GreyArray, step: int) -> NDArray[np.float32]:
    """Return the means of step×step pixels; at the right and at the bottom of fewer. In parts, to save memory."""
    rows = _ROWS * step
    parts = (grey[top : top + rows].astype(np.float32) for top in range(0, len(grey), rows))
    return np.concatenate([np.asarray(Image.fromarray(part).reduce(step), dtype=np.float32) for part in parts])


def _without_frame(grey: GreyArray) -> GreyArray:
    """Blacken white lines along the edges, if at least two edges have them: a single one may be the chest wall."""
    bright = grey >= _WHITE * np.iinfo(grey.dtype).max
    rows, columns = bright.mean(axis=1) >= _LINE, bright.mean(axis=0) >= _LINE
    if rows.all() or columns.all():
        return grey
    top, bottom, left, right = (int(np.argmin(lines)) for lines in (rows, rows[::-1], columns, columns[::-1]))
    if sum(lines > 0 for lines in (top, bottom, left, right)) < 2:
        return grey
    height, width = grey.shape
    cleaned = np.zeros_like(grey)
    inner = slice(top, height - bottom), slice(left, width - right)
    cleaned[inner] = grey[inner]
    return cleaned


def _without_bars(grey: GreyArray) -> GreyArray:
    """Blacken bright bars along the top and the bottom, also over the breast, and a hundredth of the height beyond.

    A bar is at most a fiftieth of the height thick and ends in a step. Tissue as bright as that fades, or continues.
    """
    cleaned = grey.copy()
    thick, fade = len(grey) // 50, len(grey) // 100
    columns = np.arange(grey.shape[1])
    for upright in (cleaned, cleaned[::-1]):
        ends = np.argmin(upright[: thick + 1] >= _BAR * np.iinfo(grey.dtype).max, axis=0)
        bar = (ends > 0) & (upright[ends + fade, columns] < _STEP * upright[0])
        if bar.mean() >= _LONG:
            rows = np.arange(thick + fade)[:, np.newaxis]
            upright[: thick + fade][(rows < ends + fade) & bar] = 0
    return cleaned


def _marks(small: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float] | None:
    """Return a mask of the marks in the small copy, and the film's grey; `None` if there are no marks."""
    region = breast_region(small)
    if region is None:
        return None
    seed = region.mask
    low = float(small.min())
    bright = small > low + _EDGE * (float(np.median(small[seed])) - low)
    joined = _touching(bright | seed, seed)
    # Bridges to letters and film edges that touch the breast are thin. The breast continues beyond the picture's edge.
    thin = ndimage.binary_erosion(joined, iterations=_THIN, border_value=1)
    body = _touching(ndimage.binary_dilation(thin, iterations=_THIN) | seed, seed)
    kept = ndimage.binary_dilation(body, iterations=_NEAR)
    marks = bright & ~kept
    if not marks.any() or marks.mean() > _MOST:
        return None
    film = float(np.median(small[~bright & ~kept])) if (~bright & ~kept).any() else low
    return ndimage.binary_dilation(marks, iterations=_SPREAD) & ~kept, film


def _touching(mask: NDArray[np.bool_], seed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the regions of `mask` that overlap `seed`, which is part of it."""
    regions, _ = ndimage.label(mask)
    return np.isin(regions, np.unique(regions[seed]))
