"""The common look of all figures: colours, fonts and the header; and saves figures to disk.

Only matplotlib's objects are used, no pyplot and no rcParams: no global state changes and no display is needed.
"""

from __future__ import annotations

import functools
import math
import textwrap
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from birads_zoo.files import whole_file

INK, QUIET, FAINT, PAPER = "#1c2733", "#5f6b78", "#dfe4e9", "#ffffff"
COOL, WARM = "#2b6cb0", "#c8501e"  # blue and vermilion: a contrast that the colour-blind see too
SMALL, BODY, TITLE = 8.0, 9.0, 13.0  # points
DPI = 150
SOFTWARE = "birads-zoo"  # in the metadata of every PNG
MARGIN = 0.22  # inches around everything

_FONT = "DejaVu Sans"  # comes with matplotlib, so figures look the same everywhere
_EM = 0.58  # mean width of its characters, in font sizes
# From harmless to alarming. They differ in hue for the colour-blind, and in lightness as far as possible.
_BLUE, _TEAL, _AMBER, _ORANGE, _PLUM = "#2b6cb0", "#5fc4b2", "#ecb940", "#db741c", "#6a1b4d"
_ORDERED = LinearSegmentedColormap.from_list("classes", [_BLUE, _TEAL, _AMBER, _ORANGE, _PLUM])
_FEW = {
    1: (_BLUE,),
    2: (_BLUE, _ORANGE),
    3: (_BLUE, _AMBER, _PLUM),
    4: (_BLUE, _TEAL, _ORANGE, _PLUM),
    5: (_BLUE, _TEAL, _AMBER, _ORANGE, _PLUM),
}
DASHES = ((0, ()), (0, (6, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1.5, 1.5)))  # so that lines differ without colours too


def class_colours(count: int) -> list[str]:
    """Return `count` colours for classes in their order."""
    if count in _FEW:
        return list(_FEW[count])
    return [to_hex(_ORDERED(k / (count - 1))) for k in range(count)]


def tint(colour: str, amount: float) -> str:
    """Mix `colour` with white; 1 leaves it, 0 is white."""
    return str(to_hex([1 - amount * (1 - part) for part in to_rgb(colour)]))


def plain(text: str) -> str:
    """Make a text safe to draw: without formulas ("$…$"), line breaks, and characters that the font lacks."""
    shown = "".join(c if ord(c) in _glyphs() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return shown.replace("$", r"\$")


def fitted(text: str, inches: float, size: float = BODY) -> str:
    """Return `text` on one line, safe to draw and shortened in its middle to about `inches`."""
    room = max(int(inches * 72 / (size * _EM)), 4)
    text = " ".join(text.split())
    if len(text) > room:
        head = room // 2
        text = f"{text[:head].rstrip()}…{text[len(text) - (room - 1 - head) :].lstrip()}"
    return plain(text)


def wrapped(text: str, inches: float, size: float = BODY, lines: int = 3) -> str:
    """Return `text` safe to draw and broken into at most `lines` lines of about `inches`."""
    room = max(int(inches * 72 / (size * _EM)), 4)
    return "\n".join(map(plain, textwrap.wrap(text, room, max_lines=lines, placeholder=" …"))) or " "


def sheet(width: float, height: float, title: str, context: str) -> tuple[Figure, float]:
    """Return an empty figure and its total height in inches.

    The figure is `width` inches wide, with `height` inches below its header. The header is `title` and, in a fainter
    line below, `context`: the run, the split and the rows shown.
    """
    title, context = wrapped(title, width - 2 * MARGIN, TITLE), _parts_wrapped(context, width - 2 * MARGIN)
    title_height = 1.25 * (1 + title.count("\n")) * TITLE / 72
    context_height = 1.45 * (1 + context.count("\n")) * BODY / 72
    total = height + MARGIN + title_height + 0.03 + context_height + 0.1
    figure = Figure(figsize=(width, total), dpi=DPI, facecolor=PAPER)
    at = 1 - MARGIN / total
    words = {"fontfamily": _FONT, "va": "top", "ha": "left", "linespacing": 1.25}
    figure.text(MARGIN / width, at, title, size=TITLE, color=INK, weight="bold", **words)
    figure.text(MARGIN / width, at - (title_height + 0.03) / total, context, size=BODY, color=QUIET, **words)
    return figure, total


def chart(width: float, height: float, title: str, context: str) -> Figure:
    """Return a figure whose axes are laid out automatically under its header."""
    figure, total = sheet(width, height, title, context)
    inside = (MARGIN / width, MARGIN / total, 1 - 2 * MARGIN / width, (height - 1.5 * MARGIN) / total)
    figure.set_layout_engine("constrained", rect=inside, w_pad=0.04, h_pad=0.04, wspace=0.06, hspace=0.12)
    return figure


def tidy(axes: Axes, grid: str = "") -> None:
    """Remove frames and tick marks; draw a faint grid along "x", "y" or "both", or none for ""."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=BODY, colors=QUIET, labelcolor=INK, labelfontfamily=_FONT, pad=4)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)


def write(
    axes: Axes, x: float, y: float, text: str, colour: str = INK, size: float = BODY, **properties: object
) -> None:
    """Write `text` at (x, y) in `axes`; the caller makes it safe. `properties` are matplotlib's text properties."""
    axes.text(x, y, text, color=colour, size=size, fontfamily=_FONT, **properties)


def name_axes(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Give `axes` a title at the left and faint names for x and y; an empty text is left out."""
    if title:
        axes.set_title(title, loc="left", size=BODY + 1, color=INK, weight="bold", fontfamily=_FONT, pad=8)
    for text, put in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        if text:
            put(text, size=BODY, color=QUIET, fontfamily=_FONT)


def save(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as SVG or PNG, by the path's suffix; on an error nothing is written.

    A PNG whose name ends with "@2x" has twice the resolution: 300 dots per inch, as journals require. The pictures
    inside an SVG have it too. An SVG's texts are outlines, so that it needs no font.
    """
    form = path.suffix.removeprefix(".")
    dpi = DPI if form == "png" and not path.stem.endswith("@2x") else 2 * DPI
    with whole_file(path) as temporary:
        about = {"Date": None} if form == "svg" else {"Software": SOFTWARE}
        figure.savefig(temporary, format=form, dpi=dpi, metadata=about)


def grid_shape(count: int, most_columns: int) -> tuple[int, int]:
    """Return rows and columns for `count` cells: without empty cells if possible, else with few."""
    for columns in range(most_columns, most_columns // 2, -1):
        if count % columns == 0:
            return count // columns, columns
    rows = math.ceil(count / most_columns)
    return rows, math.ceil(count / rows)


def _parts_wrapped(text: str, inches: float) -> str:
    """Break "a · b · c" into lines: short parts are kept together, and no line ends with a dot."""
    parts = [part.replace(" ", "\N{NO-BREAK SPACE}") if len(part) <= 40 else part for part in text.split(" · ")]
    lines = wrapped("\N{NO-BREAK SPACE}· ".join(parts), inches).split("\n")
    return "\n".join([line.removesuffix(" ·") for line in lines[:-1]] + lines[-1:])


@functools.cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))).get_charmap())
