"""A backbone: from images to a feature map; and a family of backbones whose names are resolved when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class BackboneContext:
    """What a backbone is built for.

    `in_channels` is one of the spec's channel counts. `pretrained` asks the plugin to fetch its own default weights;
    when the user gives a weights file, it is false and the engine loads that file afterwards. `options` are the
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

    `pixel_mean` and `pixel_std` (one value a channel, for pixels in [0, 1]) are applied by the engine, which also
    repeats the grey picture over that many channels. `grey` says that `build` also accepts one channel, with the
    pretrained weights adapted to it. `image_size` (height, width) is the only size that the network takes, `None` where
    it takes any. `usual_size` is one that it surely takes, where it does not take all: the size it was made for.

    `stages` names the module's children from input to output, and parameters of its own that lie in no child, such as
    position embeddings; freezing "early" stages means the first half of them. Without `stages` all children count, in
    their order. A recipe can end the module after a stage (`model.last_stage`) where it is an `nn.Sequential`.

    The module can have methods that the engine calls where they are there: `end_after(stage)` ends one that is no
    `nn.Sequential`; `stage_names()` returns the stages where the spec cannot know them (both:
    `birads_zoo.model.stages`); `adapt_weights(state_dict)` returns a weights file's tensors as this module needs them,
    where they do not fit as they are, such as position embeddings of another size (`birads_zoo.model.weights`); and
    `place()` returns how many pixels a place of its map is high and wide (`birads_zoo.model.placing`).

    `weights` says in words what `build` fetches when asked for pretrained weights, and from where; without it the
    backbone has none and always starts from a random initialisation. `licence` is that of the weights, unless
    `[licences]` in registry.toml has it.
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
    """Backbones of one library, such as `timm/resnet50`: known by a prefix, and made when one of them is asked for.

    `names()` lists all members without the prefix, and `resolve(name)` returns the spec of one of them, whose own name
    is `prefix/name`. Both may import the library; neither is called when a command starts. `resolve` raises
    `KeyError` for a name that the family does not have.
    """

    prefix: str
    summary: str
    names: Callable[[], Sequence[str]]
    resolve: Callable[[str], BackboneSpec]
