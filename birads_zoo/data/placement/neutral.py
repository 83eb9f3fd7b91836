"""Implements the neutral geometry: removes traces of a file's origin from a picture, and keeps the breast."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import Mask, breast_region, find_breast
from birads_zoo.data.placement.geometry import Placement
from birads_zoo.recipe import ImageSection

POINT = 1.7
"""Source pixels per point of detail and axis. With fewer, the picture still shows the source's own sampling."""

COARSEST = 0.5
"""The fewest points of detail per stored pixel and axis that are kept, even if some file is smaller."""

_LOOK = 256  # pixels on the longer side of the small copy in which the breast's outline is drawn
_ROUNDS = 2  # how often the outline is drawn, each time from the box of the last one
_AROUND = 0.1  # of the box's longer side: the margin around the box
_WALL = 4  # pixels of the small copy on both sides of the outline's end in which the chest wall is searched
_SEAM = 3  # pixels of the small copy at the wall in which a frame may widen the breast's outline
_CUT = 0.5  # pixels of the small copy that are cut off at the chest wall, where a file's edge, cut or frame shows
_DARK = 0.5  # percentile used as black; 100 minus it is used as white
_FRAME = 0.9  # of the way from the breast to white: a column whose mean is brighter is not tissue
_BLUR = 3.0  # pixels of the small copy: the blur's standard deviation at the rim, where a file's sharpness shows most
_RIM = 6.0  # pixels of the small copy, from the skin inwards, over which the blur fades
_QUALITY = 95  # 75 removes small calcifications, and does not hide a file's origin better

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in source pixels: edges, which may be fractions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outline:
    """The breast's tight box, the breast's mask in it, and the side of the chest wall."""

    box: Box
    inside: Mask
    chest_right: bool


def points_per_pixel(image: GreyArray, reduction: int, section: ImageSection) -> float:
    """Return a file's points of detail per stored pixel and axis. Values above 1 are more than can be stored.

    `image` is its picture, or a copy `reduction` times smaller.
    """
    x0, y0, x1, y1 = _find_outline(image).box
    stored_per_source = min(section.width / (x1 - x0), section.height / (y1 - y0)) / reduction
    return 1 / (POINT * stored_per_source)


def common_detail(details: Iterable[float]) -> float:
    """Return the points of detail per stored pixel, 0.5 to 1, that all files have; `details` are `points_per_pixel`.

    The coarsest file decides, because all files of a class may have a rare format. Files with fewer than 0.5 do not
    make the others coarser; these files can still be recognised.
    """
    return min(max(min(details, default=1.0), COARSEST), 1.0)


def place_neutral(image: GreyArray, section: ImageSection, detail: float) -> tuple[GreyArray, Placement]:
    """Fit an H×W grey picture of any size into `section.height` × `section.width`, without traces of its origin.

    The section's crop, orientation and fit are ignored. Each picture is treated alike:

    - The breast is outlined (`breast.breast_region`) in a copy of fixed scale. Labels, frames and noise outside become
      black.
    - The crop is the outline's box, the chest wall is turned to the left, and the aspect ratio is kept.
    - The rim is blurred, because the step from skin to film shows a file's sharpness more than any tissue does. At the
      skin the blur has a standard deviation of 1.2 % of the box's longer side. It is zero 2.3 % inwards.
    - `detail` points are kept per stored pixel and axis (0.5 to 1; see `common_detail`), so that the breast of a small
      file is as sharp as that of a large one. If all files have enough pixels, nothing is blurred by this.
    - All pictures get one JPEG compression of quality 95 in the stored grid, because each file's own compression has
      another grid.

    What remains is the content of the breast: its brightness, its coarse noise, and edges where the picture was cut.
    The dtype is the picture's own, with at most 256 different grey values.
    """
    outline = _find_outline(image)
    x0, y0, x1, y1 = outline.box
    fits = min(section.width / (x1 - x0), section.height / (y1 - y0))
    across = min(max(round((x1 - x0) * fits), 1), section.width)
    down = min(max(round((y1 - y0) * fits), 1), section.height)
    coarse = _resampled(image, outline.box, (max(round(across * detail), 1), max(round(down * detail), 1)))
    fitted = np.asarray(Image.fromarray(coarse).resize((across, down), Image.Resampling.BICUBIC), np.float32)
    shape = Image.fromarray(outline.inside.astype(np.float32)).resize((across, down), Image.Resampling.BILINEAR)
    fitted = _softened(fitted, np.asarray(shape) > 0.5, max(across, down) / _LOOK, chest_right=outline.chest_right)
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


def _find_outline(image: GreyArray) -> _Outline:
    """Draw the outline in a copy of its box and surroundings, of one size for all pictures, until the box is stable.

    If nothing stands out, the whole picture is the breast.
    """
    height, width = image.shape
    breast = find_breast(image)
    box: Box = (breast.x0, breast.y0, breast.x1, breast.y1)
    around, mask = box, np.ones((1, 1), np.bool_)
    for _ in range(_ROUNDS):
        x0, y0, x1, y1 = box
        margin = _AROUND * max(x1 - x0, y1 - y0)
        around = (max(x0 - margin, 0), max(y0 - margin, 0), min(x1 + margin, width), min(y1 + margin, height))
        wide, high = around[2] - around[0], around[3] - around[1]
        scale = _LOOK / max(wide, high)
        small = _resampled(image, around, (max(round(wide * scale), 1), max(round(high * scale), 1)))
        region = breast_region(small)
        if region is None:
            break
        mask = region.mask
        box = _tight(around, mask)[0]
    wall, framed = _chest_wall(image, box, chest_right=breast.chest_right)
    return _to_the_wall(around, mask, wall, _SEAM if framed else 0, chest_right=breast.chest_right)


def _tight(around: Box, mask: Mask) -> tuple[Box, Mask]:
    """Return a mask's tight box in the picture, and the mask cut to it. The mask covers the box `around`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    step_x, step_y = (around[2] - around[0]) / mask.shape[1], (around[3] - around[1]) / mask.shape[0]
    box = (
        around[0] + float(columns[0]) * step_x,
        around[1] + float(rows[0]) * step_y,
        around[0] + float(columns[-1] + 1) * step_x,
        around[1] + float(rows[-1] + 1) * step_y,
    )
    return box, mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _chest_wall(image: GreyArray, box: Box, *, chest_right: bool) -> tuple[float, bool]:
    """Return the x of the chest wall, slightly inside the edge of the file or film, and whether a frame is there.

    The wall is searched in the picture's own pixels. A column of film is less than half as bright as the breast beside
    it. A column of a white frame is as bright as the brightest tissue, from top to bottom.
    """
    x0, y0, x1, y1 = box
    width, step = image.shape[1], max(x1 - x0, y1 - y0) / _LOOK
    wall, skin = (width - x1, width - x0) if chest_right else (x0, x1)
    middle = (wall + skin) / 2
    first, within = max(int(wall - _WALL * step), 0), int(min(wall + _WALL * step, middle)) + 1
    turned = image[int(y0) : math.ceil(y1), :: -1 if chest_right else 1]
    columns = turned[:, first : within + math.ceil(_WALL * step)].mean(axis=0, dtype=np.float32)
    outer, inner = columns[: within - first], columns[min(within - first, len(columns) - 1) :]
    breast, brightest = float(np.median(inner)), float(outer.max())
    every = max(min(image.shape) // _LOOK, 1)
    dark, bright = np.percentile(image[::every, ::every], (_DARK, 100 - _DARK))
    beyond = outer < (breast + dark) / 2
    framed = bool(brightest > breast + _FRAME * (bright - breast) > breast)
    if framed:
        beyond |= outer > (breast + brightest) / 2
    cut = np.flatnonzero(beyond)
    wall = min((first + int(cut[-1]) + 1 if len(cut) else wall) + _CUT * step, middle)
    return (width - wall if chest_right else wall), framed


def _to_the_wall(around: Box, mask: Mask, wall: float, seam: int, *, chest_right: bool) -> _Outline:
    """Extend the breast to its chest wall, which is a straight line.

    The mask is ignored beyond the wall and within `seam` pixels before it.
    """
    step = (around[2] - around[0]) / mask.shape[1]
    depth = around[0] + (np.arange(mask.shape[1]) + 0.5) * step - wall
    within = mask & ((-depth if chest_right else depth) > seam * step)
    (x0, y0, x1, y1), inside = _tight(around, within if within.any() else mask)
    turn = slice(None, None, 1 if chest_right else -1)
    filled = np.logical_or.accumulate(inside[:, turn], axis=1)[:, turn]
    box = (x0, y0, wall, y1) if chest_right else (wall, y0, x1, y1)
    return _Outline(box=box, inside=filled, chest_right=chest_right)


def _softened(fitted: NDArray[np.float32], inside: Mask, step: float, *, chest_right: bool) -> NDArray[np.float32]:
    """Make the film around the breast black, and blur the breast's rim. `step` is the size of a small copy's pixel."""
    breast = np.where(inside, fitted, 0)
    around = np.pad(inside, 1)
    wall = -1 if chest_right else 0
    around[:, wall] = around[:, -2 if chest_right else 1]  # not a rim: the breast continues beyond it
    depth = np.clip(ndimage.distance_transform_edt(around)[1:-1, 1:-1] / (_RIM * step), 0, 1)
    sharp = depth**2 * (3 - 2 * depth)
    blurred = ndimage.gaussian_filter(breast, _BLUR * step, mode="nearest")
    return np.asarray(sharp * breast + (1 - sharp) * blurred, np.float32)


def _resampled(image: GreyArray | NDArray[np.float32], box: Box, size: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a box of a picture (edges in pixels, may be fractions) to (width, height)."""
    whole = Image.fromarray(image if image.dtype == np.uint8 else image.astype(np.float32))
    part = whole.resize(size, Image.Resampling.HAMMING, box=box, reducing_gap=3.0)
    return np.asarray(part, np.float32)


def _recompressed(stored: NDArray[np.float32], image: GreyArray) -> GreyArray:
    """Compress as an 8-bit JPEG and decode. 16-bit pictures seldom use all bits, so their own range is used."""
    full = np.float32(255 if image.dtype == np.uint8 else max(float(stored.max()), 1))
    buffer = io.BytesIO()
    eight = np.rint(np.clip(stored / full, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(eight).save(buffer, "JPEG", quality=_QUALITY)
    with Image.open(buffer) as picture:
        back = np.asarray(picture, np.float32)
    deepened: GreyArray = np.rint(back * (full / 255)).astype(image.dtype)
    return deepened
