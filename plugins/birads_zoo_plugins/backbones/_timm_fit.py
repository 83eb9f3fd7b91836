"""Finds by trial how a timm network is built for pictures of a size, and how its feature map is read.

Nothing here depends on the architecture. Networks are tried on torch's device "meta", where they take no memory and
compute nothing, or on the CPU where a network needs numbers.
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
    """Return timm's settings of the input and the weights of the architecture called `name`, or `name.tag`."""
    return timm.get_pretrained_cfg(name) or PretrainedCfg()


def created(name: str, channels: int, size: Size, *, pretrained: bool = False, drop_path: float = 0.0) -> nn.Module:
    """Make timm's network without its classifier; a network with a fixed input size is made for `size`."""
    kwargs: dict[str, Any] = {"img_size": size} if settings_of(name).fixed_input_size else {}
    if drop_path:
        kwargs["drop_path_rate"] = drop_path
    network: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels, **kwargs)
    return network


@functools.lru_cache(maxsize=64)  # a run builds the same network for each of its folds
def fit(name: str, channels: int, size: Size) -> Fit:
    """Find how the network called `name` is built for pictures of `size` (height, width) with `channels`.

    Raises:
        UserError: when it does not accept that size; the message names sizes that it accepts.

    """
    usual: Size = settings_of(name).input_size[1:]
    tried = partial(_tried, name, channels, "meta")
    for device, inputs in product(("meta", "cpu"), dict.fromkeys((channels, settings_of(name).input_size[0]))):
        tried = partial(_tried, name, inputs, device)
        known = next((result for sides in (size, usual) if isinstance(result := tried(sides), Fit)), None)
        if known is not None:
            break
    else:
        raise ValueError(f"timm gives no feature map: {tried(usual)}")
    # A network with a fixed size ignores pixels at the edges that fill no place.
    fitting = fitting_size(
        f"timm/{name}",
        size,
        usual,
        known.places,
        lambda sides: isinstance(tried(sides), Fit),
        any_side=not known.fixed,
    )
    result = tried(fitting)
    assert isinstance(result, Fit)
    return replace(result, picture=size)


@functools.lru_cache(maxsize=256)
def _tried(name: str, channels: int, device: str, size: Size) -> Fit | Exception:
    """Return the `Fit` of a network that is built for pictures of `size`, or the exception that it raises."""
    try:
        return _try(name, channels, device, size)
    except Exception as error:  # networks raise errors of any type for a size that they do not accept
        return error.with_traceback(None)


def _try(name: str, channels: int, device: str, size: Size) -> Fit:
    with torch.random.fork_rng(devices=[]), torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = created(name, channels, size).eval()
    if device == "meta" and any(isinstance(module, nn.RNNBase) for module in network.modules()):
        raise NotImplementedError("a recurrent layer is much slower on the device meta")
    untraced = Fit(
        picture=size,
        size=size,
        channels=channels,
        fixed=settings_of(name).fixed_input_size,
        places=place_sizes(network),
        reading=_reading(network, torch.zeros(1, channels, *size, device=device)),
        device=device,
        traced=NOTHING,
    )
    return replace(untraced, traced=trace(as_feature_map(network, untraced), channels, *size, device))


@torch.no_grad()
def _reading(network: Any, picture: Tensor) -> Reading:
    """Find how the feature map of `network` is read, by the shape of its features for one picture.

    Raises:
        ValueError: when it gives no feature map.

    """
    features: object = network.forward_features(picture)
    if isinstance(features, Tensor) and features.ndim == 4:
        axes = [axis for axis in (1, 3) if features.shape[axis] == network.num_features]
        if len(axes) == 2:  # as many channels as columns: timm states the order
            axes = [3 if getattr(network, "output_fmt", "NCHW") == "NHWC" else 1]
        if axes:
            return Reading(axis=axes[0])
    for norm in (True, False):
        reading = Reading(norm=norm)
        try:
            maps = reading(network, picture)
        except AssertionError:  # some networks have no norm there
            continue
        if maps.ndim == 4:
            return reading
    raise ValueError("timm gives no feature map of it")
