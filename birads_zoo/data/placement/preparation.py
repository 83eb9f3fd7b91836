"""Chooses how decoded pictures become stored ones, from a recipe's image section."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.contrast import equalize
from birads_zoo.data.placement.geometry import Placement, place
from birads_zoo.data.placement.neutral import place_neutral
from birads_zoo.recipe import ImageSection

Place = Callable[[GreyArray], tuple[GreyArray, Placement]]
"""A function that turns a decoded picture of any size into a stored one."""


def geometry(section: ImageSection, detail: float | None) -> Place:
    """Return the function that places pictures. The neutral geometry needs the data set's common `detail`."""
    placing: Place = partial(place, section=section)
    if section.neutral:
        assert detail is not None, "the neutral geometry looks at all pictures first"
        placing = partial(place_neutral, section=section, detail=detail)
    return partial(_equalized, placing=placing) if section.contrast == "clahe" else placing


def _equalized(image: GreyArray, placing: Place) -> tuple[GreyArray, Placement]:
    pixels, placement = placing(image)
    return equalize(pixels), placement
