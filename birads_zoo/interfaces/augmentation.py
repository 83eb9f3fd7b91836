"""An augmentation: changes whole batches on their device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class AugmentationContext:
    """The size in pixels of the images that will be augmented, and the augmentation's own options.

    `chest_left` says that every picture was turned so that its chest wall is at the left edge.
    """

    height: int
    width: int
    chest_left: bool = False
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec:
    """An augmentation: `build(context)` returns a module, N×C×H×W floats on any device → the same.

    The first channel is the picture, in [0, 1]. Further ones, which only some runs have, are maps of the same places,
    such as where its lesions are: they move with it (in [-1, 1], 0 outside) and are otherwise left as they are.
    Its random parameters come from torch's generator of the images' device, so that the engine's seed rules them.
    """

    name: str
    summary: str
    build: Callable[[AugmentationContext], nn.Module]
    options: type[Options] = NoOptions
