"""Defines the interface of an augmentation, which changes whole batches on their device."""

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

    `chest_left` is true if every picture has its chest wall at the left edge.
    """

    height: int
    width: int
    chest_left: bool = False
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec:
    """An augmentation: `build(context)` returns a module, N×C×H×W floats on any device → the same.

    The first channel is the picture, in [0, 1]. Some runs have further channels, which are maps of the picture's
    pixels, such as of its lesions, in [-1, 1]. They must move with the picture (0 outside) and not change otherwise.
    Random parameters must come from torch's generator of the images' device, which the engine seeds.
    """

    name: str
    summary: str
    build: Callable[[AugmentationContext], nn.Module]
    options: type[Options] = NoOptions
