"""Draws a heat map over its mammogram, as a picture file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont
from scipy import ndimage

from birads_zoo.files import whole_file
from birads_zoo.report.drawing.shades import HEAT, LESION, OPACITY, eight_bits
from birads_zoo.report.drawing.style import INK, PAPER, QUIET, WARM

_TALL = 448  # height of a drawn picture in pixels
_MARGIN, _GAP, _LINE = 14, 8, 20
_FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
_BOLD = _FONT.with_name("DejaVuSans-Bold.ttf")


def draw_overlay(
    path: Path,
    picture: NDArray[Any],
    heat: NDArray[np.floating[Any]],
    lesions: NDArray[np.bool_],
    title: str,
    about: str,
    warning: str,
) -> None:
    """Draw a picture twice, without and with its heat map over it; proportions are kept.

    Args:
        path: the PNG file to write.
        picture: H×W, uint8 or uint16.
        heat: H×W in [0, 1].
        lesions: H×W, True inside known lesions; these are outlined in both pictures.
        title: the name of the explainer and the class explained.
        about: the line below the title.
        warning: why the map is not to be relied on; "" for no warning.

    """
    height, width = picture.shape
    tall, wide = _TALL, max(round(_TALL * width / height), 1)
    grey = Image.fromarray(eight_bits(picture)).resize((wide, tall), Image.Resampling.BICUBIC).convert("RGB")
    strong = np.asarray(Image.fromarray(heat.astype(np.float32)).resize((wide, tall), Image.Resampling.BILINEAR))
    plain, warm = np.asarray(grey, np.float64), _blend(np.asarray(grey, np.float64), np.clip(strong, 0, 1))
    marked = bool(lesions.any())
    if marked:
        plain, warm = _outlined(plain, lesions), _outlined(warm, lesions)
    lines = 3 + bool(warning)
    sheet = Image.new("RGB", (max(2 * wide, 640) + _GAP + 2 * _MARGIN, tall + lines * _LINE + 3 * _MARGIN), PAPER)
    draw, top = ImageDraw.Draw(sheet), _MARGIN
    room = sheet.width - 2 * _MARGIN
    for text, font, colour in ((title, _BOLD, INK), (about, _FONT, QUIET)):
        _write(draw, (_MARGIN, top), text, font, colour, room)
        top += _LINE
    if warning:
        draw.rectangle((0, top, sheet.width, top + _LINE), fill=WARM)
        _write(draw, (_MARGIN, top + 3), f"NOT TO BE RELIED ON: {warning}", _BOLD, PAPER, room)
        top += _LINE
    top += _MARGIN // 2
    for number, part in enumerate((plain, warm)):
        sheet.paste(Image.fromarray(part.astype(np.uint8)), (_MARGIN + number * (wide + _GAP), top))
    _key(sheet, draw, top + tall + _MARGIN, marked)
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=3)  # half of the default's time, an eighth more bytes


def _blend(grey: NDArray[np.float64], heat: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    opacity = OPACITY * heat[..., None]
    return np.asarray(grey * (1 - opacity) + 255 * HEAT(heat)[..., :3] * opacity)


def _outlined(image: NDArray[np.float64], lesions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Draw a light line with a dark edge around the lesions."""
    tall, wide = image.shape[:2]
    large = Image.fromarray(lesions.astype(np.uint8) * 255).resize((wide, tall), Image.Resampling.BILINEAR)
    inside = np.asarray(large) > 127
    drawn = image.copy()
    for reach, colour in ((3, INK), (1, LESION)):
        line = ndimage.binary_dilation(inside, iterations=reach + 1) & ~ndimage.binary_erosion(inside, iterations=reach)
        drawn[line] = ImageColor.getrgb(colour)
    return drawn


def _key(sheet: Image.Image, draw: ImageDraw.ImageDraw, top: int, marked: bool) -> None:
    """Draw the colour key, as the colours look over medium grey tissue."""
    ramp = np.tile(np.linspace(0, 1, 120), (12, 1))
    bar = _blend(np.full((12, 120, 3), 115.0), ramp).astype(np.uint8)
    sheet.paste(Image.fromarray(bar), (_MARGIN, top))
    _write(draw, (_MARGIN + 128, top - 2), "no evidence → strongest in the image", _FONT, QUIET, 260)
    if marked:
        left = _MARGIN + 400
        draw.line((left, top + 6, left + 24, top + 6), fill=INK, width=6)
        draw.line((left, top + 6, left + 24, top + 6), fill=LESION, width=2)
        _write(draw, (left + 32, top - 2), "known lesion", _FONT, QUIET, 200)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, font: Path, colour: str, room: int) -> None:
    """Write one line, shortened at its end to at most `room` pixels."""
    face, shown = ImageFont.truetype(str(font), 12), " ".join(text.split())
    while face.getlength(shown) > room and len(shown) > 1:
        shown = shown[:-2].rstrip() + "…"
    draw.text(at, shown, fill=colour, font=face)
