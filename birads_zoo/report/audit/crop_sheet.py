"""Draws a sheet of pictures with the breast's box and chest wall marked, so that a reader can check the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError
from birads_zoo.inspection.breasts import BreastPicture
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.shades import LESION
from birads_zoo.report.drawing.style import INK, MARGIN, QUIET, SMALL, WARM

_ACROSS = 10
_SIDE = 1.3  # inches, the longest side of a picture
_CAPTION = 0.36  # inches below a picture, for two lines
_GAP = 0.1
_PIXELS = 260  # enough for a picture's longer side
_TONE = 0.7  # exponent of the grey values, so that the faint skin is visible


def draw_crops(shown: Sequence[BreastPicture], root: Path, path: Path, context: str) -> None:
    """Write a PNG of the pictures in `root`, with the crop in blue and the chest wall in vermilion.

    The caption has the side and the view, and says if no breast was found or the chest wall is on the unusual side.
    """
    columns = min(_ACROSS, max(len(shown), 1))
    rows = max(-(-len(shown) // columns), 1)
    width = max(columns * (_SIDE + _GAP) + 2 * MARGIN, 6.0)
    height = rows * (_SIDE + _CAPTION)
    context += " · box: the crop · thick line: the chest wall"
    figure, total = style.sheet(width, height, "Where the breast was found", context)
    for place, picture in enumerate(shown):
        row, column = divmod(place, columns)
        left, bottom = MARGIN + column * (_SIDE + _GAP), height - row * (_SIDE + _CAPTION) - _SIDE
        cell = (left / width, bottom / total, _SIDE / width, _SIDE / total)
        axes = figure.add_axes(cell, anchor="SW")
        axes.axis("off")
        _show(axes, picture, root)
        for line, (text, colour) in enumerate(_captions(picture)):
            at = {"transform": figure.transFigure, "va": "top"}
            words = style.fitted(text, 0.85 * _SIDE, SMALL)
            style.write(axes, left / width, (bottom - 0.04 - 0.14 * line) / total, words, colour, SMALL, **at)
    style.save(figure, path)


def _captions(picture: BreastPicture) -> tuple[tuple[str, str], tuple[str, str]]:
    label = " ".join(filter(None, (picture.side, picture.view))) or "side unknown"
    wrong = "not found" if not picture.breast.detected else "other side" if picture.mirrored else ""
    first = (f"{label}: {wrong}", WARM) if wrong else (label, INK)
    return first, (picture.path.rpartition("/")[2], QUIET)


def _show(axes: Axes, picture: BreastPicture, root: Path) -> None:
    try:
        pixels = read_image(root / picture.path, at_least=(_PIXELS, _PIXELS))
    except ImageError:  # the file has changed since it was inspected
        return
    step = max(1, max(pixels.shape) // _PIXELS)
    small = pixels[::step, ::step].astype(np.float32)
    black, white = np.percentile(small, (0.5, 99.5))
    tone = np.clip((small - black) / max(white - black, 1), 0, 1) ** _TONE
    axes.imshow(tone, cmap="gray", vmin=0, vmax=1, extent=(0, picture.width, picture.height, 0), aspect="equal")
    breast = picture.breast
    box = (breast.x0, breast.y0), breast.x1 - breast.x0, breast.y1 - breast.y0
    axes.add_patch(Rectangle(*box, fill=False, edgecolor=LESION, linewidth=1, clip_on=False))
    if breast.detected:
        at = breast.x1 if breast.chest_right else breast.x0
        axes.plot([at, at], [breast.y0, breast.y1], color=WARM, linewidth=3, clip_on=False, solid_capstyle="butt")
    axes.set(xlim=(0, picture.width), ylim=(picture.height, 0))
