"""Draws the marked lesions of a data set in stored pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError
from birads_zoo.data.placement.geometry import Placement
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

UNKNOWN = -1

_NUMBERED = 1 / 8  # of white: a mask in which every pixel is darker numbers its lesions 1, 2, 3


def lesion_maps(
    rows: pd.DataFrame,
    root: Path,
    labels: NDArray[np.int64],
    placements: Sequence[Placement],
    height: int,
    width: int,
) -> NDArray[np.int8]:
    """Return n×H×W maps: 1 inside a picture's marked lesions, 0 outside. A picture without marks is all `UNKNOWN`.

    `rows` are n rows of an index, `labels` (n,) their classes. Class 0 is tissue without a lesion: its pictures have no
    marks and are all 0. `placements` map each picture's source pixels to its stored ones. A circle is drawn as the
    ellipse in its box. A lesion without a box is drawn from its mask (below `root`).

    Raises:
        UserError: if no row has a marked lesion, or a mask cannot be read.

    """
    lesions = rows["lesions"].to_list()
    if not any(lesions):
        raise UserError(
            "training.lesion_weight needs marked lesions, and none of the rows has any; leave it at 0, or use a data "
            "set that marks them"
        )
    maps = np.zeros((len(rows), height, width), np.int8)
    for row, marked in enumerate(lesions):
        for lesion in marked:
            maps[row][_inside(lesion, root, placements[row], height, width, masks=not boxed(lesion))] = 1
        if labels[row] != 0 and not maps[row].any():  # not marked, or outside the stored picture
            maps[row] = UNKNOWN
    return maps


def marked_lesions(
    rows: pd.DataFrame, root: Path, placements: Sequence[Placement], height: int, width: int
) -> NDArray[np.bool_]:
    """Return n×H×W masks of the marked lesions of an index's n rows, in stored pixels; empty for rows without any.

    A lesion's mask (below `root`) is sampled at the middle of each stored pixel. A lesion without a mask is drawn by
    its outline.

    Raises:
        UserError: if a mask cannot be read.

    """
    inside = np.zeros((len(rows), height, width), np.bool_)
    for row, marked in enumerate(rows["lesions"]):
        for lesion in marked:
            inside[row] |= _inside(lesion, root, placements[row], height, width, masks=True)
    return inside


def boxed(lesion: Lesion) -> bool:
    """Return whether a lesion's box is known without its mask."""
    return bool(np.isfinite([lesion.x0, lesion.y0, lesion.x1, lesion.y1]).all())


def with_box(lesion: Lesion, root: Path) -> Lesion:
    """Return the lesion with a known box: its own, or the box of its mask below `root`.

    Raises:
        UserError: if the mask cannot be read, or is empty.

    """
    if boxed(lesion):
        return lesion
    x0, y0, x1, y1 = _box_of(root / lesion.mask_path)
    return replace(lesion, x0=x0, y0=y0, x1=x1, y1=y1)


@cache
def _box_of(path: Path) -> tuple[float, float, float, float]:
    mask = _read_mask(path)
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        raise UserError(f"the lesion mask {path} shows nothing; restore it, or make the data set again")
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _read_mask(path: Path) -> NDArray[np.bool_]:
    """Return the marked pixels of a mask: the bright ones, because JPEG blurs edges; in a dark mask all but 0."""
    try:
        pixels = read_image(path)
    except ImageError as error:
        raise UserError(
            f"cannot read the lesion mask {path} ({error}); restore it, or make the data set again"
        ) from error
    brightest = pixels.max()
    mask: NDArray[np.bool_] = pixels > (0 if brightest < _NUMBERED * np.iinfo(pixels.dtype).max else brightest / 2)
    return mask


def _inside(
    lesion: Lesion, root: Path, placement: Placement, height: int, width: int, *, masks: bool
) -> NDArray[np.bool_]:
    """Return H×W: the lesion in stored pixels, by its mask if it has one and `masks` is true, else by its outline."""
    if masks and lesion.mask_path:
        inside = _masked(root / lesion.mask_path, placement, height, width)
        if inside.any():  # a small mask may fall between the pixels' middles
            return inside
    return _outlined(with_box(lesion, root), placement, height, width)


def _masked(path: Path, placement: Placement, height: int, width: int) -> NDArray[np.bool_]:
    mask = _read_mask(path)
    xs, ys = placement.sources(np.arange(width, dtype=np.float64) + 0.5, np.arange(height, dtype=np.float64) + 0.5)
    columns, rows = np.floor(xs).astype(np.int64), np.floor(ys).astype(np.int64)
    within = np.ix_((rows >= 0) & (rows < mask.shape[0]), (columns >= 0) & (columns < mask.shape[1]))
    inside = np.zeros((height, width), np.bool_)
    inside[within] = mask[rows.clip(0, mask.shape[0] - 1)[:, None], columns.clip(0, mask.shape[1] - 1)][within]
    return inside


def _outlined(lesion: Lesion, placement: Placement, height: int, width: int) -> NDArray[np.bool_]:
    xs, ys = placement.points(np.array([lesion.x0, lesion.x1]), np.array([lesion.y0, lesion.y1]))
    # At least as wide as a pixel's diagonal, so that the smallest lesion covers a pixel.
    across = (np.arange(width) + 0.5 - xs.mean()) / max(np.ptp(xs) / 2, 0.75)
    down = (np.arange(height) + 0.5 - ys.mean()) / max(np.ptp(ys) / 2, 0.75)
    far = np.hypot(*np.meshgrid(across, down)) if lesion.outline == "circle" else _larger(across, down)
    return np.asarray(far <= 1)


def _larger(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(np.abs(across)[None, :], np.abs(down)[:, None])
