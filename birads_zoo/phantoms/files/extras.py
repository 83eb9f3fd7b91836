"""Adds to some pictures letters, tape or a metal ball on the skin. None of them depends on the category."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from birads_zoo.phantoms.cohort import Laterality
from birads_zoo.phantoms.drawing.anatomy import View
from birads_zoo.phantoms.drawing.fields import Plane, grid
from birads_zoo.phantoms.drawing.film import Picture

_MARKER, _TAPE, _BALL, _IMPLANT = 0.10, 0.02, 0.03, 0.01  # shares of the women


@dataclass(frozen=True, kw_only=True)
class Extras:
    """The extras in a woman's pictures: letters of side and view, tape at the film's edge, a ball, implants."""

    marker: bool
    tape: bool
    ball: bool
    implant: bool


def draw_extras(generator: np.random.Generator) -> Extras:
    """Draw the extras of a woman's pictures, usually none."""
    marker, tape, ball, implant = (generator.random(4) < (_MARKER, _TAPE, _BALL, _IMPLANT)).tolist()
    return Extras(marker=marker, tape=tape, ball=ball, implant=implant)


def with_extras(
    picture: Picture, extras: Extras, side: Laterality, view: View, generator: np.random.Generator
) -> Picture:
    """Return the picture with its extras. `side` gives the edge at which the chest wall is.

    Letters and tape are on the far side of the film, at its upper end, where the arm is.
    """
    if not (extras.marker or extras.tape or extras.ball):
        return picture
    height, width = picture.grey.shape
    page = Image.new("L", (width, height))
    draw = ImageDraw.Draw(page)
    far, outwards = (width, 1) if side == "L" else (0, -1)
    if extras.tape:
        _draw_tape(draw, far, outwards, (height, width), generator)
    if extras.marker:
        _draw_letters(draw, f"{side} {view}", far, outwards, (height, width), generator)
    grey = np.maximum(picture.grey, np.asarray(page, np.float32) / 255)
    if extras.ball:
        grey = np.maximum(grey, _ball(picture.grey, generator))
    return replace(picture, grey=grey)


def _draw_tape(
    draw: ImageDraw.ImageDraw, far: int, outwards: int, size: tuple[int, int], generator: np.random.Generator
) -> None:
    height, width = size
    inner = far - outwards * width * generator.uniform(0.02, 0.05)
    start, slant = height * generator.uniform(0, 0.6), height * generator.uniform(-0.01, 0.01)
    end = start + height * generator.uniform(0.2, 0.4)
    corners = [(far, start), (inner, start + slant), (inner, end + slant), (far, end)]
    draw.polygon(corners, fill=int(generator.integers(130, 220)))


def _draw_letters(
    draw: ImageDraw.ImageDraw,
    letters: str,
    far: int,
    outwards: int,
    size: tuple[int, int],
    generator: np.random.Generator,
) -> None:
    height, width = size
    font = ImageFont.load_default(max(round(height * generator.uniform(0.035, 0.055)), 7))
    left, top, right, _ = draw.textbbox((0, 0), letters, font=font)
    x = far - outwards * 0.06 * width - (right if outwards > 0 else left)
    draw.text((x, height * generator.uniform(0.03, 0.10) - top), letters, fill=235, font=font)


def _ball(grey: Plane, generator: np.random.Generator) -> Plane:
    """Return the grey of a lead ball, 1.5 mm wide, anywhere on the breast."""
    height, width = grey.shape
    inside = np.flatnonzero(grey.ravel() > 0.15)
    row, column = divmod(int(generator.choice(inside)), width)
    ys, xs = grid(height, width)
    distance = np.hypot(ys - (row + 0.5) / height, xs - (column + 0.5) / height)
    size = max(0.0038, 0.6 / height)
    return np.asarray(np.clip(2.2 - 1.4 * distance / size, 0, 1), np.float32)
