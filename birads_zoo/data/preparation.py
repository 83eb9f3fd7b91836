"""How a recipe's image section turns decoded pictures of any size into stored ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from birads_zoo.data.contrast import equalize
from birads_zoo.data.geometry import Placement, place
from birads_zoo.data.images import Pixels
from birads_zoo.data.neutral import place_neutral
from birads_zoo.recipe import ImageSection

Place = Callable[[Pixels], tuple[Pixels, Placement]]
"""How a decoded picture of any size becomes a stored one."""


def geometry(section: ImageSection, detail: float | None) -> Place:
    """Return how pictures are placed; the neutral geometry needs the `detail` that all files of the data set have."""
    how: Place = partial(place, section=section)
    if section.neutral:
        assert detail is not None, "the neutral geometry looks at all pictures first"
        how = partial(place_neutral, section=section, detail=detail)
    return partial(_equalized, how=how) if section.contrast == "clahe" else how


def _equalized(image: Pixels, how: Place) -> tuple[Pixels, Placement]:
    pixels, placement = how(image)
    return equalize(pixels), placement
