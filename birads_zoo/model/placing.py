"""Locates the places of a feature map in the picture."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.modes import evaluating

PlaceSize = tuple[int, int]
"""The height and width in pixels of the picture of one place of a feature map."""

_MORE = 1024  # additional pixels in both directions: a multiple of all usual strides, so edges stay the same


@runtime_checkable
class KnowsItsPlaces(Protocol):
    """A backbone that takes pictures of one size, which need not be a whole number of its map's places."""

    def place(self) -> PlaceSize | None:
        """Return the height and width of a place in pixels, or `None` if a larger picture can be used to find them."""


def place_size(backbone: nn.Module, context: BackboneContext, height: int, width: int) -> PlaceSize | None:
    """Return the height and width in pixels of one place of the map, for a map of h×w places.

    It is the number of additional pixels that give one more place, which a much larger picture shows. It is not H/h:
    convolutions without padding lose places at the edges, and padded ones add places. Only shapes are computed (torch's
    device "meta"). `None` for a backbone that takes only one size, gives every picture the same number of places, or
    has more places than the picture has pixels. If the backbone has a method `place`, its result is used first.
    """
    if isinstance(backbone, KnowsItsPlaces) and (known := backbone.place()):
        return known
    state = {name: value.to("meta") for name, value in (*backbone.named_parameters(), *backbone.named_buffers())}
    shape = (1, context.in_channels, context.height + _MORE, context.width + _MORE)
    try:
        with evaluating(backbone), torch.no_grad():
            larger: Tensor = functional_call(backbone, state, (torch.empty(shape, device="meta"),))
    except Exception:  # a plugin's module may raise anything for another size, or for tensors without data
        return None
    more = larger.shape[-2] - height, larger.shape[-1] - width
    if min(more) <= 0 or max(more) > _MORE:
        return None
    return round(_MORE / more[0]), round(_MORE / more[1])


def resize_to_picture(maps: Tensor, place: PlaceSize | None, height: int, width: int) -> Tensor:
    """Resize N×C×h×w maps bilinearly to N×C×height×width, with every place at its position in the picture.

    Places are `place` pixels apart. If all places together are smaller than the picture, as without padding, there is a
    margin of 0 on both sides. If they are larger, the right and lower edges are cropped. For a picture that padded
    convolutions halve without a remainder, and if `place` is unknown, this is ordinary bilinear resizing.
    """
    if place is None:
        return F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
    tall, wide = (count * size for count, size in zip(maps.shape[-2:], place, strict=True))
    large = F.interpolate(maps, size=(tall, wide), mode="bilinear", align_corners=False)
    above, left = max(height - tall, 0), max(width - wide, 0)
    large = F.pad(large, (left // 2, left - left // 2, above // 2, above - above // 2))
    return large[..., :height, :width]
