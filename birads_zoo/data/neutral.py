"""The neutral geometry: take from a picture what tells where its file came from, and leave the breast."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.data.geometry import Breast, Placement, breast_mask, find_breast, fit_in
from birads_zoo.data.images import Pixels
from birads_zoo.recipe import ImageSection

_LOOK = 128  # pixels on the longer side of the breast's box in the copy on which its outline is drawn
_ROUNDS = 3  # times the box is looked for again in a copy of one scale
_AROUND = 0.06  # of the box's longer side, looked at around it
_EDGE = 0.25  # of the breast's median grey: fainter is film
_SKIN = 2  # pixels of that copy kept around the outline: the skin fades
_DETAIL = 0.5  # pixels kept per stored pixel on each axis: no source shows finer detail than another
_QUALITY = 75


def place_neutral(image: Pixels, section: ImageSection) -> tuple[Pixels, Placement]:
    """Fit an H×W grey picture of any size into `section.height` × `section.width` as `geometry.place`, neutrally.

    Whatever `section` says of crop, orientation and fit, every picture is treated alike:

    - the breast is outlined in a copy of one scale, whatever frame it came in, by a threshold of its own median grey,
      which the amount of film around it does not move; everything outside, labels, frames and noise, becomes black;
    - the outline's own box is the crop, the chest wall is turned to the left, and the shape is kept;
    - half of the stored resolution is all the detail left, so that a small file's breast is as sharp as a large one's,
      as long as the file has half as many pixels as are stored;
    - one JPEG compression (quality 75) in the stored grid covers those that the file had in its own. It has 8 bits.

    What stays is what is in the breast: its brightness, its noise, and where a hand cut through it.
    """
    breast, inside = _outline(image)
    part = image[breast.y0 : breast.y1, breast.x0 : breast.x1]
    masked = image.copy()
    masked[breast.y0 : breast.y1, breast.x0 : breast.x1] = np.where(inside, part, 0)
    alike = ImageSection(height=section.height, width=section.width)
    stored, placement = fit_in(masked, breast, alike)
    return _recompressed(_coarse(stored)), placement


def _outline(image: Pixels) -> tuple[Breast, NDArray[np.bool_]]:
    """Return the breast's tight box, and which of the box's pixels belong to the breast."""
    breast = find_breast(image)
    inside = np.ones((breast.y1 - breast.y0, breast.x1 - breast.x0), dtype=np.bool_)
    for _ in range(_ROUNDS):
        around = _widened(breast, image.shape)
        part = image[around.y0 : around.y1, around.x0 : around.x1]
        scale = _LOOK / max(part.shape)
        size = (max(round(part.shape[1] * scale), 4), max(round(part.shape[0] * scale), 4))
        small = np.asarray(Image.fromarray(part.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float32)
        first = breast_mask(small)
        if first is None:
            return breast, inside
        ...
    return breast, inside
