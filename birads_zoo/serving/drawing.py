"""The pictures of an answer, as PNG files in base64: the upload as it is, and a heat map that fits over it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.data.images import read_picture
from birads_zoo.data.pixels import Placed
from birads_zoo.report.shades import HEAT, eight_bits

_SIDE = 1024  # pixels of the longer side at most


def shown(path: Path) -> tuple[tuple[int, int], str]:
    """Return the picture's (height, width) as it is shown, in its file's proportions, and its PNG file."""
    pixels = read_picture(path, (_SIDE, _SIDE)).pixels
    image = Image.fromarray(pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32))  # Pillow shrinks no uint16
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    image = Image.fromarray(eight_bits(np.asarray(image)))
    return (image.height, image.width), _png(image)


def laid_over(heat: NDArray[np.float32], placed: Placed, shape: tuple[int, int]) -> str:
    """Return the PNG file of a heat map in [0, 1] of the `placed` picture, as it lies over all of the file's.

    What the network did not see of the file, beside the breast, has no heat. It is as opaque as it is hot; `shape` is
    the (height, width) of the result.
    """
    (height, width), at = placed.size, placed.placement
    across = (-1 if at.mirrored else 1) * at.scale_x * width / shape[1]
    down = at.scale_y * height / shape[0]
    spread = Image.fromarray(heat.astype(np.float32)).transform(
        (shape[1], shape[0]),
        Image.Transform.AFFINE,
        (across, 0, at.offset_x, 0, down, at.offset_y),
        Image.Resampling.BILINEAR,
        fillcolor=0,
    )
    warm = np.clip(np.asarray(spread), 0, 1)
    colours = HEAT(warm)
    colours[..., 3] = warm
    return _png(Image.fromarray(np.rint(255 * colours).astype(np.uint8)))


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
