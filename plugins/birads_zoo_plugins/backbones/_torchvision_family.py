"""Every classification network of torchvision as a backbone, by its own name and with its weights' own names."""

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
_CLASSES = 7919  # of trial networks: a prime, to tell class scores from features by their number
_TERMS = "code BSD-3-Clause; ImageNet's own terms (non-commercial research) may bind the weights"


@functools.cache
def names() -> tuple[str, ...]:
    """Return all networks, and each with the name of each of its pretrained weights: `resnet50.IMAGENET1K_V1`."""
    networks = models.list_models(module=models)
    tagged = (f"{name}.{weights.name}" for name in networks for weights in models.get_model_weights(name))
    return tuple(sorted({*networks, *tagged}))


def resolve(name: str) -> BackboneSpec:
    """Return the backbone called `name`, with or without its weights' name; without one, they are the default ones.

    Raises:
        KeyError: when torchvision has no such network, or no such weights of it.

    """
    if name not in names():
        raise KeyError(name)
    weights = _weights(name)
    made_for = weights.transforms()
    side: int = made_for.crop_size[0]
    stated = weights.meta.get("license")
    return BackboneSpec(
        name=f"{PREFIX}/{name}",
        summary=f"torchvision's {name.partition('.')[0]}, made for {side}x{side} pixels",
        build=functools.partial(_build, name),
        pixel_mean=tuple(made_for.mean),
        pixel_std=tuple(made_for.std),
        grey=True,
        usual_size=(side, side),
        weights=f"torchvision's {weights.name}, trained at {side}x{side}",
        licence=f"weights: {stated}; {_TERMS}" if stated else _TERMS,
    )


def _weights(name: str) -> Any:
    """Return the member of torchvision's enum that `name` means."""
    network, _, tag = name.partition(".")
    return models.get_model_weights(network)[tag or "DEFAULT"]


def _build(name: str, context: BackboneContext) -> nn.Module:
    """Build the network up to its last feature map: N×1×H×W or N×3×H×W → N×D×h×w.

    Raises:
        UserError: when it does not take pictures of that size.

    """
    asked = context.height, context.width
    if _takes(name, "image_size"):  # a Vision Transformer's tokens are folded, at any size
        return PatchGrid(_created(name, asked, pretrained=context.pretrained))
    size, lines, place = _fit(name, asked)
    network = _created(name, size, pretrained=context.pretrained)
    margin = size[0] - asked[0], size[1] - asked[1]
    return as_feature_map(network, lines, margin, (place, place) if _takes(name, "input_size") else None)


def _created(name: str, size: Size, *, pretrained: bool) -> nn.Module:
    """Make torchvision's network; one whose parts depend on the picture's size is made for `size`."""
    build, weights = models.get_model_builder(name.partition(".")[0]), _weights(name)
    fetch = functools.partial(build, weights=weights, progress=sys.stderr.isatty())
    made: Any
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of how two networks will be initialised some day
        if _takes(name, "input_size"):
            made = build(weights=None, input_size=size)
            if pretrained:  # torchvision gives them at their own size alone
                made.load_state_dict(fetch().state_dict())
        elif pretrained:
            made = fetch()
        else:
            made = build(weights=None, **({"image_size": _side(name)} if _takes(name, "image_size") else {}))
    if hasattr(made, "transform_input"):
        made.transform_input = True  # from ImageNet's statistics, which are the spec's, to those it was trained with
    network: nn.Module = made
    return network


@functools.cache
def _takes(name: str, setting: str) -> bool:
    """Whether the class of the network called `name` has a setting of this name, such as a picture's size."""
    return setting in inspect.signature(type(_without_numbers(name))).parameters


def _without_numbers(name: str, **settings: Any) -> nn.Module:
    """Make a network on torch's device "meta", where nothing is computed; torch's random state is left alone."""
    build: Callable[..., nn.Module] = models.get_model_builder(name.partition(".")[0])
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            with torch.device("meta"):
                return build(weights=None, **settings)
        except NotImplementedError:  # some compute their widths by tensors
            return build(weights=None, **settings).to("meta")


def _side(name: str) -> int:
    side: int = _weights(name).transforms().crop_size[0]
    return side


@functools.lru_cache(maxsize=64)  # a run builds the same network for each of its folds
def _fit(name: str, asked: Size) -> tuple[Size, Outline, int]:
    """Return the size for which the network is built, where its maps are, and the side of the last map's places.

    Raises:
        UserError: when it does not take that size; named are sizes that it takes.

    """
    own = (_side(name), _side(name))
    small = _shapes(name, own)
    large = _shapes(name, (2 * own[0], 2 * own[1]))
    lines = outline(small, large, _CLASSES)
    place = own[0] // (large[lines.last][2] - small[lines.last][2])

    def takes(size: Size) -> bool:
        try:
            return min(_shapes(name, size)[lines.last]) > 0
        except Exception:  # what a network says of a size that it does not take has no type of its own
            return False

    return fitting_size(f"{PREFIX}/{name}", asked, own, (place,), takes, any_side=True), lines, place


def _shapes(name: str, size: Size) -> Shapes:
    return shapes(_trial(name, size if _takes(name, "input_size") else None), torch.empty(1, 3, *size, device="meta"))


@functools.lru_cache(maxsize=8)
def _trial(name: str, size: Size | None) -> nn.Module:
    return _without_numbers(name, num_classes=_CLASSES, **({"input_size": size} if size else {}))
