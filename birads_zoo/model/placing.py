"""Where in the picture the places of a feature map lie."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.modes import evaluating

PlaceSize = tuple[int, int]
"""How many pixels of the picture one place of a feature map is high and wide."""

_MORE = 1024  # pixels, on both sides: whole places of any usual stride, so that edges and remainders stay the same


@runtime_checkable
class KnowsItsPlaces(Protocol):
    """A backbone that takes pictures of one size, which is not a whole number of its map's places."""

    def place(self) -> PlaceSize | None:
        """Return how many pixels of the picture a place is high and wide, or `None` where larger pictures tell."""


def place_size(backbone: nn.Module, context: BackboneContext, height: int, width: int) -> PlaceSize | None:
    """Return how many pixels of the picture one place of the map is high and wide, for a map of h×w places.

    It is how many more pixels bring one more place, which a far larger picture tells, and not H/h: convolutions without
    padding lose places at the edges, and padded ones add places. Nothing is computed, only shapes are (torch's device
    "meta"). `None` for a backbone that takes no other size than its own, gives every picture as many places, or has
    more places than the picture has pixels. A backbone that has a method `place` is asked first.
    """
    if isinstance(backbone, KnowsItsPlaces) and (known := backbone.place()):
        return known
    state = {name: value.to("meta") for name, value in (*backbone.named_parameters(), *backbone.named_buffers())}
    shape = (1, context.in_channels, context.height + _MORE, context.width + _MORE)
    try:
        with evaluating(backbone), torch.no_grad():
            larger: Tensor = functional_call(backbone, state, (torch.empty(shape, device="meta"),))
    except Exception:  # whatever a stranger's module raises when it gets another size, or numbers that are not there
        return None
    more = larger.shape[-2] - height, larger.shape[-1] - width
    if min(more) <= 0 or max(more) > _MORE:
        return None
    return round(_MORE / more[0]), round(_MORE / more[1])


def laid_over(maps: Tensor, place: PlaceSize | None, height: int, width: int) -> Tensor:
    """Return N×C×h×w maps as N×C×height×width ones, bilinearly, with every place where it lies in the picture.

    Places are `place` pixels apart. Where together they are smaller than the picture, as without padding, a margin of 0
    is left on both sides; where they are larger, what goes beyond the right and the lower edge is cut off. For a
    picture that padded convolutions halve without a remainder this is the usual enlargement, as it is where `place` is
    not known.
    """
    if place is None:
        return F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
    tall, wide = (count * size for count, size in zip(maps.shape[-2:], place, strict=True))
    large = F.interpolate(maps, size=(tall, wide), mode="bilinear", align_corners=False)
    above, left = max(height - tall, 0), max(width - wide, 0)
    large = F.pad(large, (left // 2, left - left // 2, above // 2, above - above // 2))
    return large[..., :height, :width]
