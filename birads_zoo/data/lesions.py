"""Where the known lesions lie in stored pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.geometry import Placement
from birads_zoo.errors import UserError

UNKNOWN = -1


def lesion_maps(
    rows: pd.DataFrame, labels: NDArray[np.int64], placements: Sequence[Placement], height: int, width: int
) -> NDArray[np.int8]:
    """Return n×H×W: 1 inside a picture's marked lesions, 0 outside, and `UNKNOWN` everywhere where nobody marked any.

    `rows` are an index's, `labels` (n,) their classes, the first of which is that of tissue without a lesion: its
    pictures need no marks to be known. `placements` say where each picture's pixels are stored. A circle is drawn as
    the ellipse in its box.

    Raises:
        UserError: when no row has a marked lesion.

    """
    lesions = rows["lesions"].to_list()
    if not any(lesions):
        raise UserError(
            "training.lesion_weight needs marked lesions, and none of the rows has any; leave it at 0, or take a data "
            "set that marks them"
        )
    maps = np.zeros((len(rows), height, width), np.int8)
    for row, marked in enumerate(lesions):
        for lesion in marked:
            xs, ys = placements[row].points(np.array([lesion.x0, lesion.x1]), np.array([lesion.y0, lesion.y1]))
            # No narrower than a pixel's diagonal: the smallest lesion has a pixel.
            across = (np.arange(width) + 0.5 - xs.mean()) / max(np.ptp(xs) / 2, 0.75)
            down = (np.arange(height) + 0.5 - ys.mean()) / max(np.ptp(ys) / 2, 0.75)
            far = np.hypot(*np.meshgrid(across, down)) if lesion.outline == "circle" else _larger(across, down)
            maps[row][far <= 1] = 1
        if labels[row] != 0 and not maps[row].any():  # nobody marked it, or outside of what is stored
            maps[row] = UNKNOWN
    return maps


def _larger(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(np.abs(across)[None, :], np.abs(down)[:, None])
