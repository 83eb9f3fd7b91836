"""Draws the picture sheets of a run: mammograms in a grid, never stretched, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.shades import HEAT, LESION, OPACITY, grey_range
from birads_zoo.report.drawing.style import BODY, COOL, INK, MARGIN, QUIET, SMALL, WARM

Outline = tuple[float, float, float, float, Literal["circle", "box"]]
"""A lesion: x and y of its box's top left corner, width and height in stored pixels, and the shape to draw."""

_GAP = 0.16  # inches between pictures
_LINE = 0.155  # height of a caption line in inches


def sample_grid(images: NDArray[Any], titles: Sequence[str], path: Path, context: str) -> None:
    """Draw the first 32 of `images` (N×H×W of uint8, uint16, or floats in [0, 1]), each with its title."""
    count = min(len(images), 32)
    figure, cells = _grid(images[:count], 1, "Sample of the images as the network gets them", context, 6, 1)
    for axes, image, title in zip(cells, images, titles, strict=False):
        _show(axes, image)
        _caption(axes, 0, title, INK, "bold")
    style.save(figure, path)


def misclassified(
    images: NDArray[Any],
    true: Sequence[str],
    predicted: Sequence[str],
    confidences: Sequence[float],
    patients: Sequence[str],
    path: Path,
    context: str,
) -> None:
    """Draw the 16 most confident of the given mistakes, or a note that there are none.

    Args:
        images: N×H×W misclassified images, of uint8, uint16, or floats in [0, 1].
        true: the N true class names.
        predicted: the N predicted class names.
        confidences: the N probabilities of the predicted classes.
        patients: N patient ids or pseudonyms; "" shows nothing.
        path: the PNG file to write.
        context: the line under the title.

    """
    order = np.argsort(-np.asarray(confidences, dtype=float), kind="stable")[:16]
    title = "Misclassified images, most confident first"
    if len(order) == 0:
        figure, total = style.sheet(6.0, 1.2, title, context)
        axes = figure.add_axes((0, 0, 1, 1.2 / total))
        axes.axis("off")
        style.write(axes, 0.5, 0.5, "no misclassified images", QUIET, BODY + 2, ha="center", va="center")
        style.save(figure, path)
        return
    figure, cells = _grid([images[i] for i in order], 1, title, context, 6, 3)
    for axes, i in zip(cells, order, strict=True):
        _show(axes, images[i])
        _caption(axes, 0, f"true {true[i]}", COOL, "bold")
        _caption(axes, 1, f"called {predicted[i]} ({confidences[i]:.2f})", WARM, "bold")
        _caption(axes, 2, patients[i], QUIET)
    style.save(figure, path)


def heat_maps(
    images: NDArray[Any],
    maps: NDArray[np.floating[Any]],
    titles: Sequence[str],
    path: Path,
    context: str,
    outlines: Sequence[Sequence[Outline] | None] | None = None,
) -> None:
    """Draw the first 24 images, each twice: without and with its heat map over it.

    Args:
        images: N×H×W of uint8, uint16, or floats in [0, 1].
        maps: N×H×W in [0, 1]; hue and opacity grow with them.
        titles: N texts: true class, predicted class, its probability.
        path: the PNG file to write.
        context: the line under the title, with the explainer and the class explained.
        outlines: each image's known lesions, or None; drawn over both pictures.

    """
    count = min(len(images), 24)
    marked = outlines is not None and any(outlines[:count])
    if marked:
        context += " · blue outline: known lesion"
    columns = count if count <= 2 else 2 if count <= 8 else 3
    figure, cells = _grid(images[:count], 2, "Where the evidence is", context, columns, 1, footer=0.42)
    for i in range(count):
        picture, overlay = cells[2 * i : 2 * i + 2]
        for axes in (picture, overlay):
            _show(axes, images[i])
            for outline in (outlines[i] if outlines is not None else None) or ():
                axes.add_patch(_lesion(outline))
        heat = np.clip(np.nan_to_num(maps[i]), 0, 1)
        colours = HEAT(heat)
        colours[..., 3] = OPACITY * heat
        overlay.imshow(colours, extent=(0, images[i].shape[1], images[i].shape[0], 0))
        _caption(picture, 0, titles[i], INK, "bold", pictures=2)
    _heat_key(figure)
    style.save(figure, path)


def _grid(
    images: Sequence[NDArray[Any]] | NDArray[Any],
    across: int,
    title: str,
    context: str,
    most_columns: int,
    lines: int,
    footer: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """Lay out `across` pictures for each image, with `lines` lines of caption; return the axes, image by image."""
    if len(images) == 0:
        raise ValueError("there is no image to draw")
    rows, columns = style.grid_shape(len(images), most_columns)
    height, width = max((image.shape for image in images), key=lambda shape: shape[0] / shape[1])
    # Cells have the tallest image's shape. Tall images get narrower cells, so that a row fits on the screen.
    cell_width = min(1.75, 2.6 * width / height)
    cell_height = cell_width * height / width
    block = across * cell_width + (across - 1) * 0.04
    row_height = cell_height + lines * _LINE + 0.24
    sheet_width = max(columns * (block + _GAP) - _GAP + 2 * MARGIN, 6.0)
    figure, total = style.sheet(sheet_width, rows * row_height + footer + 0.06, title, context)
    cells = []
    for place in range(len(images)):
        row, column = divmod(place, columns)
        bottom = footer + 0.06 + (rows - 1 - row) * row_height + row_height - cell_height - 0.02
        for part in range(across):
            left = MARGIN + column * (block + _GAP) + part * (cell_width + 0.04)
            box = (left / sheet_width, bottom / total, cell_width / sheet_width, cell_height / total)
            axes = figure.add_axes(box, anchor="SW")
            axes.axis("off")
            cells.append(axes)
    return figure, cells


def _show(axes: Axes, image: NDArray[Any]) -> None:
    """Show a grey picture in its own proportions."""
    low, high = grey_range(image)
    extent = (0, image.shape[1], image.shape[0], 0)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, extent=extent, aspect="equal")


def _caption(axes: Axes, line: int, text: str, colour: str, weight: str = "normal", pictures: int = 1) -> None:
    """Write a line below a picture, shortened to the width of `pictures` pictures."""
    figure_width, figure_height = axes.figure.get_size_inches()
    box = axes.get_position(original=True)
    shown = style.fitted(text, box.width * figure_width * pictures * (0.92 if weight == "bold" else 1.0), SMALL)
    at = box.y0 - (0.05 + line * _LINE) / figure_height
    style.write(
        axes, box.x0, at, shown, colour, SMALL, va="top", ha="left", weight=weight, transform=axes.figure.transFigure
    )


def _lesion(outline: Outline) -> Patch:
    x, y, width, height, shape = outline
    line = {
        "fill": False,
        "edgecolor": LESION,
        "linewidth": 1.3,
        "path_effects": [withStroke(linewidth=2.6, foreground=INK)],
    }
    if shape == "circle":
        return Ellipse((x + width / 2, y + height / 2), width, height, **line)
    return Rectangle((x, y), width, height, **line)


def _heat_key(figure: Figure) -> None:
    """Draw the colour key at the bottom of the sheet."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((MARGIN / width, 0.2 / height, 1.6 / width, 0.1 / height))
    ramp = np.linspace(0, 1, 128)
    colours = HEAT(ramp)[None]
    grey = 0.45 * np.ones((1, 128, 3))  # as over medium grey tissue
    alpha = OPACITY * ramp[None, :, None]
    axes.imshow(grey * (1 - alpha) + colours[..., :3] * alpha, aspect="auto", extent=(0, 1, 0, 1))
    axes.axis("off")
    style.write(axes, 1.05, 0.5, "no evidence → strongest in the image", QUIET, SMALL, va="center")
