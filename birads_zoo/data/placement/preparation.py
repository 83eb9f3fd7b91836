"""How a recipe's image section turns decoded pictures of any size into stored ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.contrast import equalize
from birads_zoo.data.placement.geometry import Placement, place
from birads_zoo.data.placement.neutral import place_neutral
from birads_zoo.recipe import ImageSection

Place = Callable[[GreyArray], tuple[GreyArray, Placement]]
"""How a decoded picture of any size becomes a stored one."""


def geometry(section: ImageSection, detail: float | None) -> Place:
    """Return how pictures are placed; the neutral geometry needs the `detail` that all files of the data set have."""
    how: Place = partial(place, section=section)
    if section.neutral:
        assert detail is not None, "the neutral geometry looks at all pictures first"
        how = partial(place_neutral, section=section, detail=detail)
    return partial(_equalized, how=how) if section.contrast == "clahe" else how


def _equalized(image: GreyArray, how: Place) -> tuple[GreyArray, Placement]:
    pixels, placement = how(image)
    return equalize(pixels), placement
