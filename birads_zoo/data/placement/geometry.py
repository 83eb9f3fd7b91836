"""Fits a picture of any size into an H×W array: crops to the breast, turns the chest wall to the left, resizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import crop_to_breast, find_breast
from birads_zoo.recipe import ImageSection


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The map from a source picture's points to stored points, in edge coordinates, origin at the top left corner.

    A source point x is at `offset_x + scale_x·x` in the stored picture, or at `offset_x − scale_x·x` if mirrored.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    mirrored: bool

    def points(
        self, xs: NDArray[np.float64] | float, ys: NDArray[np.float64] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map source points to stored points; some may be outside the stored picture."""
        sign = -1.0 if self.mirrored else 1.0
        return (
            self.offset_x + sign * self.scale_x * np.asarray(xs, dtype=np.float64),
            self.offset_y + self.scale_y * np.asarray(ys, dtype=np.float64),
        )

    def sources(
        self, xs: NDArray[np.float64] | float, ys: NDArray[np.float64] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map stored points to source points, the inverse of `points`; some may be outside the source picture."""
        sign = -1.0 if self.mirrored else 1.0
        return (
            (np.asarray(xs, dtype=np.float64) - self.offset_x) / (sign * self.scale_x),
            (np.asarray(ys, dtype=np.float64) - self.offset_y) / self.scale_y,
        )

    def of_reduced(self, reduction: int) -> Placement:
        """Return the placement of the full source, of which the placed picture is a copy `reduction` times smaller."""
        return Placement(
            scale_x=self.scale_x / reduction,
            scale_y=self.scale_y / reduction,
            offset_x=self.offset_x,
            offset_y=self.offset_y,
            mirrored=self.mirrored,
        )


def place(image: GreyArray, section: ImageSection) -> tuple[GreyArray, Placement]:
    """Fit an H×W grey picture of any size into `section.height` × `section.width`, in its own dtype.

    - `crop`: crop to the breast's bounding box, and remove labels beside the breast (see `crop_to_breast`).
    - `orient`: mirror the picture if the chest wall is on the right.
    - `fit`: "pad" keeps the aspect ratio and adds black on the side away from the chest wall, and in equal parts above
      and below. "stretch" does not keep it, as in the paper.

    Resampling uses Pillow's Hamming filter, widened to the scale to avoid aliasing, after a box reduction to at least
    three times the target size. It is about as sharp as the bicubic filter but never overshoots, while Lanczos draws a
    bright line along every skin edge.
    """
    if section.crop:
        part, breast = crop_to_breast(image)
        x0, y0, x1 = breast.x0, breast.y0, breast.x1
    else:
        part, breast = image, find_breast(image)
        x0, y0, x1 = 0, 0, image.shape[1]
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


def _resize(part: GreyArray, height: int, width: int) -> GreyArray:
    if part.dtype == np.uint8:
        picture = Image.fromarray(np.ascontiguousarray(part))
        return np.asarray(picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=3.0), dtype=np.uint8)
    floats = Image.fromarray(part.astype(np.float32))  # exact; Pillow cannot resample 16-bit integers
    resized: NDArray[np.float32] = np.asarray(
        floats.resize((width, height), Image.Resampling.HAMMING, reducing_gap=3.0)
    )
    return np.rint(resized).astype(np.uint16)
