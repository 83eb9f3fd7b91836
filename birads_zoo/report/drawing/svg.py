"""Charts as plain values, which a template draws as SVG in the page's colours, with a text for every point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 10, 42  # room around the axes, in the drawing's units
_MOST_TIPS = 80  # points of one line that have a tooltip


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line: its points in data units, a text for each of them, and its look.

    `tone` is a class of the page's style sheet ("c0" … for classes, "cool", "warm", "quiet") and `dash` an SVG dash
    pattern. `band` holds x, low and high. `bars` holds the same, drawn as upright lines. `dots` holds the radius of
    each point's dot, or is empty. A `faint` line is thin and pale, and has no texts.
    """

    name: str
    points: Sequence[Point]
    tips: Sequence[str] = ()
    tone: str = "cool"
    dash: str = ""
    band: Sequence[tuple[float, float, float]] = ()
    bars: Sequence[tuple[float, float, float]] = ()
    dots: Sequence[float] = ()
    faint: bool = False
    marker: str = "circle"  # or "square"
    line: bool = True


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Axes with their names, ends and ticks, and the lines in them; `width` and `height` are in the drawing's units.

    `guide` is a thin dotted line for comparison, such as the line of chance.
    """

    title: str
    x: str
    y: str
    ends: tuple[float, float, float, float]  # of x, then of y
    series: Sequence[Series]
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    guide: Sequence[Point] = ()
    width: int = 360
    height: int = 350

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the axes."""
        return _LEFT, _TOP, self.width - _RIGHT, self.height - _BOTTOM

    def across(self, x: float) -> float:
        """Return the horizontal position of `x` in the drawing."""
        left, _, right, _ = self.box
        low, high, _, _ = self.ends
        return round(left + (x - low) / (high - low) * (right - left), 1)

    def down(self, y: float) -> float:
        """Return the vertical position of `y` in the drawing."""
        _, top, _, bottom = self.box
        _, _, low, high = self.ends
        return round(bottom - (y - low) / (high - low) * (bottom - top), 1)

    def path(self, points: Sequence[Point]) -> str:
        """Return the points as an SVG path, without those that would be drawn where others are."""
        places = [place for place, _ in itertools.groupby((self.across(x), self.down(y)) for x, y in points)]
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners(places)) if places else ""

    def area(self, band: Sequence[tuple[float, float, float]]) -> str:
        """Return a band as a closed SVG path."""
        return self.path([(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]) + "Z"

    def tips(self) -> list[tuple[float, float, str]]:
        """Return the points that have a text, line by line: x and y in the drawing, and the text."""
        places = []
        for line in self.series:
            if line.tips:
                step = max(1, math.ceil(len(line.points) / _MOST_TIPS))
                chosen = sorted({*range(0, len(line.points), step), len(line.points) - 1})
                places += [(self.across(line.points[i][0]), self.down(line.points[i][1]), line.tips[i]) for i in chosen]
        return places


def corners(points: Sequence[Point]) -> list[Point]:
    """Return the points at which a line turns, and its two ends; they draw the same line, if it never turns back."""
    kept = list(points[:1])
    for here, after in itertools.pairwise(points[1:]):
        last = kept[-1]  # not the point before: if a point occurs twice, it has no direction from itself
        if (here[0] - last[0]) * (after[1] - here[1]) != (here[1] - last[1]) * (after[0] - here[0]):
            kept.append(here)
    return [*kept, points[-1]] if len(points) > 1 else kept
