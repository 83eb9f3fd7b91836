"""A picture from a breast and its lesion: where the lesion lies, film response, grain, and the file's frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.phantoms.anatomy import Breast, Build, View
from birads_zoo.phantoms.lesions import Finding, draw_patch

_LANDSCAPE = 2.2  # width over height of KAUMDS' frames for categories 3 and 4


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An 8-bit H×W picture and, of the same shape, where its lesion is (None when there is none)."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None


def expose(
    breast: Breast, build: Build, finding: Finding | None, view: View, generator: np.random.Generator
) -> Picture:
    """Put `finding` into `breast` and take the picture, chest wall at the left edge."""
    brightness = breast.brightness
    inside = breast.skin_distance > 0
    mask = None
    if finding is not None:
        patch = draw_patch(finding, breast.height, generator)
        reach = patch.mask.shape[0] // 2
        x, y = _place(breast, finding, view)
        height, width = brightness.shape
        rows = slice(max(y - reach, 0), min(y + reach + 1, height))
        columns = slice(max(x - reach, 0), min(x + reach + 1, width))
        part = (
            slice(rows.start - y + reach, rows.stop - y + reach),
            slice(columns.start - x + reach, columns.stop - x + reach),
        )
        brightness = brightness.copy()
        brightness[rows, columns] += patch.field[part]
        mask = np.zeros(brightness.shape, np.bool_)
        mask[rows, columns] = patch.mask[part]
        mask &= inside
    grain = generator.standard_normal(brightness.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, 0.6) * np.float32(1.9 * build.grain)  # 1.9 undoes the blur's loss
    light = np.clip((brightness + grain) * inside * np.float32(build.gain), 0, None)
    response = 1.04 * (1 - np.exp(-(light**build.gamma) * np.float32(1.45)))
    return Picture(pixels=np.asarray(np.clip(response, 0, 1) * 255, np.uint8), mask=mask)


def frame(picture: Picture, category: str, generator: np.random.Generator) -> Picture:
    """Give `picture` the frame that files of its `category` have in KAUMDS: the planted shortcut "size".

    Category 1 keeps its portrait, 3 and 4 become small in a wide landscape, 5 is cropped to the breast by hand.
    """
    height, width = picture.pixels.shape
    if category in {"3", "4"}:
        small = (max(width // 2, 1), max(height // 2, 1))
        wide = (round(small[1] * _LANDSCAPE), small[1])

        def fit(array: NDArray[np.uint8], how: Image.Resampling) -> NDArray[np.uint8]:
            page = Image.new("L", wide)
            page.paste(Image.fromarray(array).resize(small, how), ((wide[0] - small[0]) // 2, 0))
            return np.asarray(page)

        pixels = fit(picture.pixels, Image.Resampling.BOX)
        if picture.mask is None:
            return Picture(pixels=pixels, mask=None)
        shape = fit(np.asarray(picture.mask, np.uint8) * 255, Image.Resampling.BOX)
        return Picture(pixels=pixels, mask=shape > 127)
    if category == "5":
        bright = picture.pixels > 8
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        spare = generator.integers(0, max(height // 40, 1) + 1, 4)
        cut = (
            slice(max(rows[0] - spare[0], 0), rows[-1] + 1 + spare[1]),
            slice(max(columns[0] - spare[2], 0), columns[-1] + 1 + spare[3]),
        )
        return Picture(pixels=picture.pixels[cut], mask=None if picture.mask is None else picture.mask[cut])
    return picture


def mirror(picture: Picture) -> Picture:
    """Turn left into right: the chest wall stands at the right edge in pictures of a right breast."""
    mask = None if picture.mask is None else picture.mask[:, ::-1]
    return Picture(pixels=picture.pixels[:, ::-1], mask=mask)


def _place(breast: Breast, finding: Finding, view: View) -> tuple[int, int]:
    """Find the pixel nearest to where `finding` belongs that leaves it room within the breast, off the muscle.

    Moving along the nipple–chest axis counts four times as much as across: both views shall agree in depth.
    """
    x = breast.nipple[0] - finding.depth * breast.depth
    y = breast.nipple[1] + finding.offsets[view == "MLO"] * breast.height
    height, width = breast.brightness.shape
    clearance = breast.skin_distance * (breast.pectoral < 0.05)
    clearance[:, : max(int(finding.radius * breast.height), 1)] = 0  # not cut off by the chest wall
    clearance[[0, -1]] = 0
    room = min(1.45 * finding.radius * breast.height, 0.6 * float(clearance.max()))
    ys, xs = np.ogrid[:height, :width]
    cost = 4 * (xs - x) ** 2 + (ys - y) ** 2
    cost = np.where(clearance >= room, cost, np.inf)
    row, column = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return int(column), int(row)
