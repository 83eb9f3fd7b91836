"""Takes a picture of a breast and its lesion: the lesion's position, the film's response, grain, and the frame."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from birads_zoo.phantoms.drawing.anatomy import Build, View
from birads_zoo.phantoms.drawing.fields import Plane
from birads_zoo.phantoms.drawing.lesions import Patch, draw_patch
from birads_zoo.phantoms.drawing.tissue import GLAND, Breast
from birads_zoo.phantoms.findings import Finding

_LANDSCAPE = 2.2  # width over height of KAUMDS' frames for categories 3 and 4


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An H×W picture, grey values in [0, 1], and its lesion's mask of the same shape (`None` without a lesion).

    `steps` are the distances between its rows and between its columns, in pixels of the original picture.
    """

    grey: Plane
    mask: NDArray[np.bool_] | None
    steps: tuple[float, float] = (1.0, 1.0)


def expose(
    breast: Breast, build: Build, finding: Finding | None, view: View, generator: np.random.Generator
) -> Picture:
    """Put `finding` into `breast` and take the picture, with the chest wall at the left edge."""
    brightness, mask = breast.brightness, None
    inside = breast.skin_distance > 0
    if finding is not None:
        patch = draw_patch(finding, breast.height, generator)
        brightness, mask = _with_lesion(breast, patch, _place(breast, finding, view), build.fat)
        mask &= inside
    grain = generator.standard_normal(brightness.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, 0.6) * np.float32(1.9 * build.grain)  # 1.9 undoes the blur's loss
    light = np.clip((brightness + grain) * inside * np.float32(build.gain), 0, None)
    response = 1.02 * np.tanh(np.float32(1.05) * light ** np.float32(1.15 * build.gamma))
    return Picture(grey=np.asarray(np.clip(response, 0, 1), np.float32), mask=mask)


def frame(picture: Picture, category: str, generator: np.random.Generator) -> Picture:
    """Give `picture` the frame that files of its `category` have in KAUMDS: the planted shortcut "size".

    Category 1 keeps its portrait format. Categories 3 and 4 become small in a wide landscape. Category 5 is cropped to
    the breast, as if by hand.
    """
    height, width = picture.grey.shape
    if category in {"3", "4"}:
        small = (max(width // 2, 1), max(height // 2, 1))
        wide = (round(small[1] * _LANDSCAPE), small[1])

        def fit(array: Plane) -> Plane:
            page = Image.new("F", wide)
            page.paste(Image.fromarray(array).resize(small, Image.Resampling.BOX), ((wide[0] - small[0]) // 2, 0))
            return np.asarray(page)

        mask = None
        if picture.mask is not None:
            covered = fit(np.asarray(picture.mask, np.float32))
            mask = covered > (0.5 if covered.max() > 0.5 else 0)  # keeps a lesion smaller than a pixel
        return Picture(grey=fit(picture.grey), mask=mask, steps=(height / small[1], width / small[0]))
    if category == "5":
        bright = picture.grey > 8 / 255
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        spare = generator.integers(0, max(height // 40, 1) + 1, 4)
        cut = (
            slice(max(rows[0] - spare[0], 0), rows[-1] + 1 + spare[1]),
            slice(max(columns[0] - spare[2], 0), columns[-1] + 1 + spare[3]),
        )
        return replace(picture, grey=picture.grey[cut], mask=None if picture.mask is None else picture.mask[cut])
    return picture


def mirror(picture: Picture) -> Picture:
    """Swap left and right: in pictures of a right breast the chest wall is at the right edge."""
    mask = None if picture.mask is None else picture.mask[:, ::-1]
    return replace(picture, grey=np.ascontiguousarray(picture.grey[:, ::-1]), mask=mask)


def _with_lesion(breast: Breast, patch: Patch, at: tuple[int, int], fat: float) -> tuple[Plane, NDArray[np.bool_]]:
    """Return the brightness with the lesion's centre at the pixel `at` (x, y), and the lesion's mask; both H×W."""
    height, width = breast.brightness.shape
    reach, (x, y) = patch.mask.shape[0] // 2, at
    rows, columns = slice(max(y - reach, 0), min(y + reach + 1, height)), slice(max(x - reach, 0), x + reach + 1)
    columns = slice(columns.start, min(columns.stop, width))
    part = (
        slice(rows.start - y + reach, rows.stop - y + reach),
        slice(columns.start - x + reach, columns.stop - x + reach),
    )
    brightness = breast.brightness.copy()
    around = brightness[rows, columns]
    if patch.pull:
        around = _pulled(around, (y - rows.start, x - columns.start), reach, patch.pull)
    cover = patch.cover[part]
    # Half of the tissue's own pattern disappears; the rest is in front of the lesion or behind it.
    before = float((around * cover).sum() / max(cover.sum(), 1e-6))
    level = max(before, fat + 0.9 * GLAND) + patch.over_gland
    brightness[rows, columns] = around + cover * (level - 0.5 * (before + around)) + patch.added[part]
    mask = np.zeros(brightness.shape, np.bool_)
    mask[rows, columns] = patch.mask[part]
    return brightness, mask


def _pulled(around: Plane, centre: tuple[int, int], reach: int, pull: float) -> Plane:
    """Pull the tissue towards `centre` (row, column): strands near it converge, and the outer edge stays."""
    ys, xs = np.mgrid[: around.shape[0], : around.shape[1]].astype(np.float32)
    dy, dx = ys - centre[0], xs - centre[1]
    near = np.clip(1 - np.hypot(dy, dx) / np.float32(reach), 0, 1)
    away = 1 + np.float32(pull) * near**2
    return np.asarray(
        ndimage.map_coordinates(around, [centre[0] + dy * away, centre[1] + dx * away], order=1, mode="nearest")
    )


def _place(breast: Breast, finding: Finding, view: View) -> tuple[int, int]:
    """Find the pixel nearest to the finding's position where it fits into the breast, outside muscle and implant.

    Moving along the nipple–chest axis costs four times as much as across, so that both views agree in depth.
    """
    x = breast.nipple[0] - finding.depth * breast.depth
    y = breast.nipple[1] + finding.offsets[view == "MLO"] * breast.height
    height, width = breast.brightness.shape
    clearance = breast.skin_distance * (breast.blocked < 0.05)
    clearance[:, : max(int(finding.radius * breast.height), 1)] = 0  # not cut off by the chest wall
    clearance[[0, -1]] = 0
    needed = min(1.45 * finding.radius * breast.height, 0.6 * float(clearance.max()))
    ys, xs = np.ogrid[:height, :width]
    cost = 4 * (xs - x) ** 2 + (ys - y) ** 2
    cost = np.where(clearance >= needed, cost, np.inf)
    row, column = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return int(column), int(row)
