"""Defines the interfaces of a backbone, which turns images into a feature map, and of a family of backbones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class BackboneContext:
    """The input and the settings that a backbone is built for.

    `in_channels` is one of the spec's channel counts. If `pretrained` is true, the plugin must fetch its own default
    weights. If the user gives a weights file, it is false, and the engine loads that file afterwards. `options` are the
    backbone's own.
    """

    in_channels: int
    height: int
    width: int
    pretrained: bool
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """A backbone: `build(context)` returns a module, N×C×H×W floats → a feature map N×D×h×w.

    The engine applies `pixel_mean` and `pixel_std` (one value per channel, for pixels in [0, 1]) and repeats the grey
    picture over that many channels. `grey` means that `build` also accepts one channel, with the pretrained weights
    adapted to it. `image_size` (height, width) is the only size that the network accepts, `None` if it accepts any.
    `usual_size` is a size that it always accepts, usually the one that it was designed for.

    `stages` names the module's children from input to output, and its parameters that are in no child, such as position
    embeddings. Freezing "early" stages freezes the first half of them. Without `stages` all children count, in their
    order. A recipe can end the module after a stage (`model.last_stage`) if it is an `nn.Sequential`.

    The module can have these optional methods, which the engine calls:

    - `end_after(stage)` ends a module that is not an `nn.Sequential` (see `birads_zoo.model.stages`).
    - `stage_names()` returns the stages if the spec cannot know them (see `birads_zoo.model.stages`).
    - `adapt_weights(state_dict)` returns a weights file's tensors in the form that this module needs, such as position
      embeddings of another size (see `birads_zoo.model.weights`).
    - `place()` returns the height and width in pixels of a place of its map (see `birads_zoo.model.placing`).

    `weights` describes what `build` fetches as pretrained weights, and from where. Without it the backbone has none and
    always starts from a random initialisation. `licence` is that of the weights, unless `[licences]` in registry.toml
    has it.
    """

    name: str
    summary: str
    build: Callable[[BackboneContext], nn.Module]
    options: type[Options] = NoOptions
    pixel_mean: tuple[float, ...] = (0.5,)
    pixel_std: tuple[float, ...] = (0.5,)
    grey: bool = False
    image_size: tuple[int, int] | None = None
    usual_size: tuple[int, int] | None = None
    stages: tuple[str, ...] = ()
    weights: str = ""
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class BackboneFamily:
    """Backbones of one library, such as `timm/resnet50`: they share a prefix, and their specs are made when needed.

    `names()` lists all members without the prefix. `resolve(name)` returns a member's spec, whose name is
    `prefix/name`. Both may import the library; neither is called when a command starts. `resolve` raises `KeyError` for
    a name that the family does not have.
    """

    prefix: str
    summary: str
    names: Callable[[], Sequence[str]]
    resolve: Callable[[str], BackboneSpec]
