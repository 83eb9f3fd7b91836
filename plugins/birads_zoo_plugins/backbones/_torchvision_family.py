"""Every classification network of torchvision as a backbone, with torchvision's names of networks and weights."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torchvision import models

from birads_zoo import BackboneContext, BackboneSpec
from birads_zoo_plugins.backbones._graphs import Outline, Shapes, as_feature_map, outline, shapes
from birads_zoo_plugins.backbones._sizes import Size, fitting_size
from birads_zoo_plugins.backbones._transformers import PatchGrid

PREFIX = "torchvision"
_CLASSES = 7919  # of trial networks: a prime, so that class scores differ from features in number
_TERMS = "code BSD-3-Clause; ImageNet's own terms (non-commercial research) may bind the weights"


@functools.cache
def names() -> tuple[str, ...]:
    """Return all networks, also with the name of each of their pretrained weights: `resnet50.IMAGENET1K_V1`."""
    networks = models.list_models(module=models)
    tagged = (f"{name}.{weights.name}" for name in networks for weights in models.get_model_weights(name))
    return tuple(sorted({*networks, *tagged}))


def resolve(name: str) -> BackboneSpec:
    """Return the backbone called `name`, with or without its weights' name; without one, they are the default.

    Raises:
        KeyError: when torchvision has no such network or weights.

    """
    if name not in names():
        raise KeyError(name)
    weights = _weights(name)
    transforms = weights.transforms()
    side: int = transforms.crop_size[0]
    stated = weights.meta.get("license")
    return BackboneSpec(
        name=f"{PREFIX}/{name}",
        summary=f"torchvision's {name.partition('.')[0]}, made for {side}x{side} pixels",
        build=functools.partial(_build, name),
        pixel_mean=tuple(transforms.mean),
        pixel_std=tuple(transforms.std),
        grey=True,
        usual_size=(side, side),
        weights=f"torchvision's {weights.name}, trained at {side}x{side}",
        licence=f"weights: {stated}; {_TERMS}" if stated else _TERMS,
    )


def _weights(name: str) -> Any:
    """Return the member of torchvision's enum of weights for `name`."""
    network, _, tag = name.partition(".")
    return models.get_model_weights(network)[tag or "DEFAULT"]


def _build(name: str, context: BackboneContext) -> nn.Module:
    """Build the network up to its last feature map: N×1×H×W or N×3×H×W → N×D×h×w.

    Raises:
        UserError: when it does not accept pictures of that size.

    """
    picture = context.height, context.width
    if _takes(name, "image_size"):  # a Vision Transformer's tokens are folded, at any size
        return PatchGrid(_created(name, picture, pretrained=context.pretrained))
    size, lines, place = _fit(name, picture)
    network = _created(name, size, pretrained=context.pretrained)
    margin = size[0] - picture[0], size[1] - picture[1]
    return as_feature_map(network, lines, margin, (place, place) if _takes(name, "input_size") else None)


def _created(name: str, size: Size, *, pretrained: bool) -> nn.Module:
    """Make torchvision's network; a network whose parts depend on the picture's size is made for `size`."""
    build, weights = models.get_model_builder(name.partition(".")[0]), _weights(name)
    fetch = functools.partial(build, weights=weights, progress=sys.stderr.isatty())
    built: Any
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about the future initialisation of two networks
        if _takes(name, "input_size"):
            built = build(weights=None, input_size=size)
            if pretrained:  # torchvision only has them at their usual size
                built.load_state_dict(fetch().state_dict())
        elif pretrained:
            built = fetch()
        else:
            built = build(weights=None, **({"image_size": _side(name)} if _takes(name, "image_size") else {}))
    if hasattr(built, "transform_input"):
        built.transform_input = True  # from ImageNet's statistics, as in the spec, to those of its training
    network: nn.Module = built
    return network


@functools.cache
def _takes(name: str, setting: str) -> bool:
    """Return whether the class of the network called `name` has this setting, such as a picture's size."""
    return setting in inspect.signature(type(_without_numbers(name))).parameters


def _without_numbers(name: str, **settings: Any) -> nn.Module:
    """Make a network on torch's device "meta", where nothing is computed; torch's random state is not changed."""
    build: Callable[..., nn.Module] = models.get_model_builder(name.partition(".")[0])
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            with torch.device("meta"):
                return build(weights=None, **settings)
        except NotImplementedError:  # some networks compute their widths with tensors
            return build(weights=None, **settings).to("meta")


def _side(name: str) -> int:
    side: int = _weights(name).transforms().crop_size[0]
    return side


@functools.lru_cache(maxsize=64)  # a run builds the same network for each of its folds
def _fit(name: str, picture: Size) -> tuple[Size, Outline, int]:
    """Return the size for which the network is built, the nodes of its maps, and the side of the last map's places.

    Raises:
        UserError: when it does not accept that size; the message names sizes that it accepts.

    """
    usual = (_side(name), _side(name))
    small = _shapes(name, usual)
    large = _shapes(name, (2 * usual[0], 2 * usual[1]))
    lines = outline(small, large, _CLASSES)
    place = usual[0] // (large[lines.last][2] - small[lines.last][2])

    def takes(size: Size) -> bool:
        try:
            return min(_shapes(name, size)[lines.last]) > 0
        except Exception:  # networks raise errors of any type for a size that they do not accept
            return False

    return fitting_size(f"{PREFIX}/{name}", picture, usual, (place,), takes, any_side=True), lines, place


def _shapes(name: str, size: Size) -> Shapes:
    return shapes(_trial(name, size if _takes(name, "input_size") else None), torch.empty(1, 3, *size, device="meta"))


@functools.lru_cache(maxsize=8)
def _trial(name: str, size: Size | None) -> nn.Module:
    return _without_numbers(name, num_classes=_CLASSES, **({"input_size": size} if size else {}))
