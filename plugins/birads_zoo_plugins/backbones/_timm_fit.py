"""How one of timm's networks is built for pictures of a size, and how its feature map is read: found by trying.

Nothing here knows any architecture. What is tried are networks on torch's device "meta", which take no memory and
compute nothing; where one needs numbers, on the CPU.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import timm
import torch
from timm.models import PretrainedCfg
from torch import Tensor, nn

from birads_zoo_plugins.backbones._sizes import Size, fitting_size
from birads_zoo_plugins.backbones._timm_map import Fit, Reading, as_feature_map, place_sizes
from birads_zoo_plugins.backbones._traces import NOTHING, trace


def settings_of(name: str) -> PretrainedCfg:
    """Return what timm says of the input and the weights of the architecture called `name`, or `name.tag`."""
    return timm.get_pretrained_cfg(name) or PretrainedCfg()


def created(name: str, channels: int, size: Size, *, pretrained: bool = False, drop_path: float = 0.0) -> nn.Module:
    """Make timm's network without its classifier; one that takes pictures of one size only is made for `size`."""
    asked: dict[str, Any] = {"img_size": size} if settings_of(name).fixed_input_size else {}
    if drop_path:
        asked["drop_path_rate"] = drop_path
    network: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels, **asked)
    return network


@functools.lru_cache(maxsize=64)  # a run builds the same network for each of its folds
def fit(name: str, channels: int, asked: Size) -> Fit:
    """Find how the network called `name` is built for pictures of `asked` (height, width) and of `channels`.

    Raises:
        UserError: when it does not take that size; named are sizes that it takes.

    """
    own: Size = settings_of(name).input_size[1:]
    tried = partial(_tried, name, channels, "meta")
    for device, taken in product(("meta", "cpu"), dict.fromkeys((channels, settings_of(name).input_size[0]))):
        tried = partial(_tried, name, taken, device)
        known = next((found for size in (asked, own) if isinstance(found := tried(size), Fit)), None)
        if known is not None:
            break
    else:
        raise ValueError(f"timm gives no feature map: {tried(own)}")
    # One that is made for a size leaves out pixels at the edges that fill no place.
    size = fitting_size(
        f"timm/{name}",
        asked,
        own,
        known.places,
        lambda size: isinstance(tried(size), Fit),
        any_side=not known.fixed,
    )
    found = tried(size)
    assert isinstance(found, Fit)
    return replace(found, asked=asked)


@functools.lru_cache(maxsize=256)
def _tried(name: str, channels: int, device: str, size: Size) -> Fit | Exception:
    """Return what a network that is built for pictures of `size` does with one, or what it raises."""
    try:
        return _try(name, channels, device, size)
    except Exception as error:  # what a network says of a size that it does not take has no type of its own
        return error.with_traceback(None)


def _try(name: str, channels: int, device: str, size: Size) -> Fit:
    with torch.random.fork_rng(devices=[]), torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = created(name, channels, size).eval()
    if device == "meta" and any(isinstance(module, nn.RNNBase) for module in network.modules()):
        raise NotImplementedError("a recurrent layer takes many times as long without numbers as with them")
    found = Fit(
        asked=size,
        size=size,
        channels=channels,
        fixed=settings_of(name).fixed_input_size,
        places=place_sizes(network),
        reading=_reading(network, torch.zeros(1, channels, *size, device=device)),
        device=device,
        traced=NOTHING,
    )
    return replace(found, traced=trace(as_feature_map(network, found), channels, *size, device))


@torch.no_grad()
def _reading(network: Any, picture: Tensor) -> Reading:
    """Find how the feature map of `network` is read, by the shapes of its features of one picture.

    Raises:
        ValueError: when it gives none.

    """
    features: object = network.forward_features(picture)
    if isinstance(features, Tensor) and features.ndim == 4:
        axes = [axis for axis in (1, 3) if features.shape[axis] == network.num_features]
        if len(axes) == 2:  # as many channels as columns: timm says which
            axes = [3 if getattr(network, "output_fmt", "NCHW") == "NHWC" else 1]
        if axes:
            return Reading(axis=axes[0])
    for norm in (True, False):
        reading = Reading(norm=norm)
        try:
            maps = reading(network, picture)
        except AssertionError:  # some have no norm there
            continue
        if maps.ndim == 4:
            return reading
    raise ValueError("timm gives no feature map of it")
