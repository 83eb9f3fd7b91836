"""From a picture of any size to an H×W array: find the breast, turn its chest wall to the left, fit it in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.images import Pixels
from birads_zoo.recipe import ImageSection

_LOOK = 256  # pixels on the longer side of the copy in which the breast is looked for
_OPENING = 7  # pixels of that copy: thinner bridges to labels, tape and film edges are cut
_MARGIN = 2  # pixels of that copy kept around the breast: the skin line fades below the threshold


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a source picture's pixels went: both in edge coordinates, origin at the top left corner.

    A source point x lies at `offset_x + scale_x·x` in the stored picture, or `offset_x − scale_x·x` if mirrored.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    mirrored: bool

    def points(
        self, xs: NDArray[np.float64] | float, ys: NDArray[np.float64] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map source points to stored points; some may lie outside the stored picture."""
        sign = -1.0 if self.mirrored else 1.0
        return (
            self.offset_x + sign * self.scale_x * np.asarray(xs, dtype=np.float64),
            self.offset_y + self.scale_y * np.asarray(ys, dtype=np.float64),
        )

    def sources(
        self, xs: NDArray[np.float64] | float, ys: NDArray[np.float64] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map stored points to source points, the inverse of `points`; some may lie outside the source picture."""
        sign = -1.0 if self.mirrored else 1.0
        return (
            (np.asarray(xs, dtype=np.float64) - self.offset_x) / (sign * self.scale_x),
            (np.asarray(ys, dtype=np.float64) - self.offset_y) / self.scale_y,
        )

    def of_reduced(self, reduction: int) -> Placement:
        """Return the placement of a source of which the placed picture was a copy, `reduction` times smaller."""
        return Placement(
            scale_x=self.scale_x / reduction,
            scale_y=self.scale_y / reduction,
            offset_x=self.offset_x,
            offset_y=self.offset_y,
            mirrored=self.mirrored,
        )


@dataclass(frozen=True, kw_only=True)
class Breast:
    """The breast's bounding box in source pixels (x1, y1 exclusive), and the side on which the chest wall is."""

    x0: int
    y0: int
    x1: int
    y1: int
    chest_right: bool


def place(image: Pixels, section: ImageSection) -> tuple[Pixels, Placement]:
    """Fit an H×W grey picture of any size into `section.height` × `section.width`, in its own dtype.

    With `crop`, to the breast's bounding box (see `find_breast`). With `orient`, mirrored if the chest wall is on
    the right. `fit` "pad" keeps the shape and adds black on the side away from the chest wall, and above and below
    in equal parts; "stretch" does not keep it, as the paper. Resampling is Pillow's Hamming filter, widened to the
    scale (so that it does not alias) and after a box reduction to no less than three times the wanted size: about as
    sharp as the bicubic one, but it never overshoots, where Lanczos draws a bright line along every skin edge.
    """
    height, width = image.shape
    breast = find_breast(image)
    x0, y0, x1, y1 = (breast.x0, breast.y0, breast.x1, breast.y1) if section.crop else (0, 0, width, height)
    part = image[y0:y1, x0:x1]
    across, down = section.width, section.height
    if section.fit == "pad":
        scale = min(section.width / part.shape[1], section.height / part.shape[0])
        across = min(max(round(part.shape[1] * scale), 1), section.width)
        down = min(max(round(part.shape[0] * scale), 1), section.height)
    fitted = _resize(part, down, across)
    mirrored = section.orient and breast.chest_right
    if mirrored:
        fitted = fitted[:, ::-1]
    left = section.width - across if breast.chest_right and not mirrored else 0
    top = (section.height - down) // 2
    stored = np.zeros((section.height, section.width), dtype=image.dtype)
    stored[top : top + down, left : left + across] = fitted
    scale_x, scale_y = across / part.shape[1], down / part.shape[0]
    placement = Placement(
        scale_x=scale_x,
        scale_y=scale_y,
        offset_x=left + scale_x * (x1 if mirrored else -x0),
        offset_y=top - scale_y * y0,
        mirrored=mirrored,
    )
    return stored, placement


def find_breast(image: Pixels) -> Breast:
    """Find the breast from the pixels alone: the largest bright region of a picture of any size.

    On a copy of at most 256 pixels a side: threshold at half of Otsu's (1979, IEEE Trans. SMC 9:62–66), which keeps
    fatty tissue at the skin; opening, which cuts off labels and film edges; largest connected region. The chest wall
    is on the side to which that region's brightness leans, because a breast tapers away from it and the pectoral
    muscle is bright. A picture without contrast is a breast as a whole, with the chest wall on the left.
    """
    height, width = image.shape
    step = max(1, -(-max(height, width) // _LOOK))
    small = _reduce(image, step)
    mask = breast_mask(small)
    if mask is None:
        return Breast(x0=0, y0=0, x1=width, y1=height, chest_right=False)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom = max(rows[0] - _MARGIN, 0), rows[-1] + 1 + _MARGIN
    left, right = max(columns[0] - _MARGIN, 0), columns[-1] + 1 + _MARGIN
    weight = np.where(mask, small, 0)[:, columns[0] : columns[-1] + 1].sum(axis=0)
    lean = float((weight * np.linspace(-1, 1, len(weight))).sum())
    return Breast(
        x0=int(left) * step,
        y0=int(top) * step,
        x1=min(int(right) * step, width),
        y1=min(int(bottom) * step, height),
        chest_right=lean > 0,
    )


def breast_area(image: Pixels) -> NDArray[np.bool_]:
    """Return where the breast is in an H×W picture, as `find_breast` sees it; everywhere in one without contrast."""
    height, width = image.shape
    step = max(1, -(-max(height, width) // _LOOK))
    mask = breast_mask(_reduce(image, step))
    if mask is None:
        return np.ones(image.shape, np.bool_)
    return np.repeat(np.repeat(mask, step, axis=0), step, axis=1)[:height, :width]


def breast_mask(small: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Return where the largest bright region of a picture of at most 256 pixels a side is; `None` without any."""
    low, high = float(small.min()), float(small.max())
    if high <= low:
        return None
    mask = small > low + _otsu((small - low) / (high - low)) * (high - low) / 2
    size = min(_OPENING, min(small.shape) // 4)  # a tiny picture is not eroded away
    if size > 1:
        # An opening by a square, as two separable filters; the breast goes on beyond the picture's edge (cval=1).
        eroded = ndimage.minimum_filter(mask.view(np.uint8), size, mode="constant", cval=1)
        mask = mask & ndimage.maximum_filter(eroded, size, mode="constant", cval=0).astype(bool)
    regions, count = ndimage.label(mask)
    if count == 0:
        return None
    largest: NDArray[np.bool_] = regions == 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
    return largest


def _otsu(values: NDArray[np.float32]) -> float:
    """Otsu's threshold for values in [0, 1]: the one that parts them with the largest variance between the parts."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.argmax(np.nan_to_num(between[:-1])))])


def _reduce(image: Pixels, step: int) -> NDArray[np.float32]:
    whole = Image.fromarray(image.astype(np.float32)) if image.dtype == np.uint16 else Image.fromarray(image)
    return np.asarray(whole.reduce(step) if step > 1 else whole, dtype=np.float32)


def _resize(part: Pixels, height: int, width: int) -> Pixels:
    if part.dtype == np.uint8:
        picture = Image.fromarray(np.ascontiguousarray(part))
        return np.asarray(picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=3.0), dtype=np.uint8)
    floats = Image.fromarray(part.astype(np.float32))  # Pillow resamples no 16-bit integers; float32 holds them exactly
    resized: NDArray[np.float32] = np.asarray(
        floats.resize((width, height), Image.Resampling.HAMMING, reducing_gap=3.0)
    )
    return np.rint(resized).astype(np.uint16)
