"""The neutral geometry: take from a picture what tells where its file came from, and leave the breast."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.breast import Mask, breast_region, find_breast
from birads_zoo.data.geometry import Placement
from birads_zoo.data.images import Pixels
from birads_zoo.recipe import ImageSection

POINT = 1.7
"""Source pixels on each axis that a point of detail takes: closer ones still show the source's own sampling."""

COARSEST = 0.5
"""Points of detail per stored pixel and axis that are left at least, however small the smallest file is."""

_LOOK = 256  # pixels on the longer side of the copy in which the breast's outline is drawn
_ROUNDS = 2  # times the outline is drawn again from the box that it gave
_AROUND = 0.06  # of the box's longer side, looked at around it
_RIM = 2  # pixels of that copy taken off all round: there a file's own edge, cut or frame shows
_QUALITY = 95  # at 75 the grid's coarse steps take small calcifications away, and hide a file's origin no better


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outline:
    """The breast's tight box in source pixels (edges, not whole), the breast within it, and its chest wall's side."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1
    inside: NDArray[np.bool_]
    chest_right: bool


def points_per_pixel(image: Pixels, reduction: int, section: ImageSection) -> float:
    """Return how many points of detail per stored pixel and axis a file has; more than 1 is more than can be stored.

    `image` is its picture or a copy `reduction` times smaller.
    """
    x0, y0, x1, y1 = _find_outline(image).box
    stored_per_source = min(section.width / (x1 - x0), section.height / (y1 - y0)) / reduction
    return 1 / (POINT * stored_per_source)


def common_detail(found: Iterable[float]) -> float:
    """Return the points of detail per stored pixel, 0.5 to 1, that all files of a data set have, of `points_per_pixel`.

    The coarsest file decides, for a rare format may be all there is of a class; files with fewer than 0.5 hold no other
    back further, and remain to be told apart.
    """
    return min(max(min(found, default=1.0), COARSEST), 1.0)


def place_neutral(image: Pixels, section: ImageSection, detail: float) -> tuple[Pixels, Placement]:
    """Fit an H×W grey picture of any size into `section.height` × `section.width`, as like any other as can be.

    Whatever `section` says of crop, orientation and fit, each picture is treated alike:

    - the breast is outlined (`breast.breast_region`) in a copy of one scale, whatever frame it came in. Labels, frames
      and noise outside become black;
    - the outline's own box is the crop, the chest wall is turned to the left, and the shape is kept;
    - of each stored pixel and axis `detail` points are left (0.5 to 1; see `common_detail`), so that a small file's
      breast is as sharp as a large one's; where all files have pixels enough, nothing is blurred;
    - one JPEG compression, quality 95, in the stored grid, where each file's own was in another.

    What stays is what is in the breast: its brightness, its coarse noise, and where somebody cut through it. The
    dtype is the picture's own, but its grey values are 256 at most.
    """
    outline = _find_outline(image)
    x0, y0, x1, y1 = outline.box
    fits = min(section.width / (x1 - x0), section.height / (y1 - y0))
    across = min(max(round((x1 - x0) * fits), 1), section.width)
    down = min(max(round((y1 - y0) * fits), 1), section.height)
    coarse = _resampled(image, outline.box, (max(round(across * detail), 1), max(round(down * detail), 1)))
    fitted = np.asarray(Image.fromarray(coarse).resize((across, down), Image.Resampling.BICUBIC), np.float32)
    shape = Image.fromarray(outline.inside.astype(np.float32)).resize((across, down), Image.Resampling.BILINEAR)
    fitted = np.where(np.asarray(shape) > 0.5, fitted, 0)
    if outline.chest_right:
        fitted = fitted[:, ::-1]
    top = (section.height - down) // 2
    stored = np.zeros((section.height, section.width), np.float32)
    stored[top : top + down, :across] = fitted
    scale_x, scale_y = across / (x1 - x0), down / (y1 - y0)
    placement = Placement(
        scale_x=scale_x,
        scale_y=scale_y,
        offset_x=scale_x * (x1 if outline.chest_right else -x0),
        offset_y=top - scale_y * y0,
        mirrored=outline.chest_right,
    )
    return _recompressed(stored, image), placement


def _find_outline(image: Pixels) -> _Outline:
    """Draw the outline in a copy of its box's surroundings, of one size for all pictures, until the box settles.

    A picture in which nothing stands out is a breast as a whole.
    """
    height, width = image.shape
    found = find_breast(image)
    box: tuple[float, float, float, float] = (found.x0, found.y0, found.x1, found.y1)
    outline = _Outline(box=box, inside=np.ones((1, 1), np.bool_), chest_right=found.chest_right)
    for _ in range(_ROUNDS):
        x0, y0, x1, y1 = outline.box
        margin = _AROUND * max(x1 - x0, y1 - y0)
        box = (max(x0 - margin, 0), max(y0 - margin, 0), min(x1 + margin, width), min(y1 + margin, height))
        wide, high = box[2] - box[0], box[3] - box[1]
        scale = _LOOK / max(wide, high)
        small = _resampled(image, box, (max(round(wide * scale), 1), max(round(high * scale), 1)))
        region = breast_region(small)
        if region is None:
            break
        inside = _inside(region.mask)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        step_x, step_y = wide / small.shape[1], high / small.shape[0]
        outline = _Outline(
            box=(
                box[0] + columns[0] * step_x,
                box[1] + rows[0] * step_y,
                box[0] + (columns[-1] + 1) * step_x,
                box[1] + (rows[-1] + 1) * step_y,
            ),
            inside=inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
            chest_right=found.chest_right,
        )
    return _to_the_wall(outline)


def _to_the_wall(outline: _Outline) -> _Outline:
    """Let the breast reach its chest wall in a straight line, a little inside of where the file or the film cut it."""
    inside = outline.inside[:, ::-1] if outline.chest_right else outline.inside
    spare = min(_RIM, inside.shape[1] - 1)
    filled = np.logical_or.accumulate(inside[:, ::-1], axis=1)[:, ::-1][:, spare:]
    x0, y0, x1, y1 = outline.box
    cut = spare * (x1 - x0) / inside.shape[1]
    if outline.chest_right:
        return _Outline(box=(x0, y0, x1 - cut, y1), inside=filled[:, ::-1], chest_right=True)
    return _Outline(box=(x0 + cut, y0, x1, y1), inside=filled, chest_right=False)


def _inside(mask: Mask) -> Mask:
    """Return the breast and what it encloses, a little inside of its rim."""
    whole = ndimage.binary_fill_holes(mask)
    trimmed: Mask = ndimage.binary_erosion(whole, iterations=_RIM)
    return trimmed if trimmed.any() else mask


def _resampled(
    image: Pixels | NDArray[np.float32], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Resample a box of a picture (edges in pixels, need not be whole) to (width, height)."""
    whole = Image.fromarray(image if image.dtype == np.uint8 else image.astype(np.float32))
    part = whole.resize(size, Image.Resampling.HAMMING, box=box, reducing_gap=3.0)
    return np.asarray(part, np.float32)


def _recompressed(stored: NDArray[np.float32], image: Pixels) -> Pixels:
    """Compress as an 8-bit JPEG and back; deep pictures, which seldom use all 16 bits, over their own range."""
    full = np.float32(255 if image.dtype == np.uint8 else max(int(image.max()), 1))
    buffer = io.BytesIO()
    eight = np.rint(np.clip(stored / full, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(eight).save(buffer, "JPEG", quality=_QUALITY)
    with Image.open(buffer) as picture:
        back = np.asarray(picture, np.float32)
    deepened: Pixels = np.rint(back * (full / 255)).astype(image.dtype)
    return deepened
