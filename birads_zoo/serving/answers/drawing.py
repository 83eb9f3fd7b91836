"""Draws the pictures of an answer as PNG files in base64: the uploads, and heat maps that fit over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.data.decoding.images import read_picture
from birads_zoo.data.store.pixels import Placed
from birads_zoo.report.drawing.shades import HEAT, eight_bits

_SIDE = 1024  # the longer side in pixels, at most


def draw_pictures(paths: Sequence[Path]) -> tuple[list[tuple[int, int]], str]:
    """Return each picture's (height, width) as drawn, and a PNG file of all of them side by side.

    Each keeps its file's proportions, and all are as high as the lowest one.
    """
    images = [_small(path) for path in paths]
    height = min(image.height for image in images)
    images = [
        image if image.height == height else image.resize((max(1, round(image.width * height / image.height)), height))
        for image in images
    ]
    return [(height, image.width) for image in images], _png(np.hstack([np.asarray(image) for image in images]))


def _small(path: Path) -> Image.Image:
    pixels = read_picture(path, (_SIDE, _SIDE)).pixels
    image = Image.fromarray(
        pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32)
    )  # Pillow cannot shrink uint16
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return Image.fromarray(eight_bits(np.asarray(image)))


def draw_heat_maps(
    heats: Sequence[NDArray[np.float32]], placed: Sequence[Placed], shapes: Sequence[tuple[int, int]]
) -> str:
    """Return a PNG file of the heat maps in [0, 1] of `placed` pictures, which fits over that of `draw_pictures`.

    Opacity grows with heat. Parts of a file that the network did not get, beside the breast, have no heat. `shapes` are
    the pictures' (height, width) in the result.
    """
    return _png(np.hstack([_spread(*arguments) for arguments in zip(heats, placed, shapes, strict=True)]))


def _spread(heat: NDArray[np.float32], placed: Placed, shape: tuple[int, int]) -> NDArray[np.uint8]:
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
    painted: NDArray[np.uint8] = np.rint(255 * colours).astype(np.uint8)
    return painted


def _png(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
