"""Encodes many grey pictures as text for a page, as large as a budget of characters allows."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from birads_zoo.report.drawing.shades import eight_bits

_SIDES = (512, 448, 384, 320, 256, 224, 192, 160, 128, 96, 64, 48, 32, 24, 16)  # pixels of the longer side
_QUALITY = 82
_TRIED = 24  # pictures from which the size of all is estimated
_MARGIN = 1.15  # factor by which the estimate may be too low

Read = Callable[[int], NDArray[Any]]


def thumbnails(read: Read, count: int, budget: int) -> list[str]:
    """Return `count` pictures as grey JPEG files in base64, together at most about `budget` characters long.

    `read(i)` returns picture i as H×W of uint8, uint16 or floats in [0, 1]. All pictures get the same longer side: the
    largest that the budget allows, estimated from 24 of them. No picture is enlarged, and proportions are kept.
    """
    if not count:
        return []
    tried = np.unique(np.linspace(0, count - 1, min(_TRIED, count)).astype(int))
    sample = [eight_bits(read(int(i))) for i in tried]
    for side in _SIDES:
        mean = sum(len(_encoded(picture, side)) for picture in sample) / len(sample)
        if mean * count * _MARGIN <= budget:
            break
    return [_encoded(eight_bits(read(i)), side) for i in range(count)]


def _encoded(picture: NDArray[np.uint8], side: int) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
