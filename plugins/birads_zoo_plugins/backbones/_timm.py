"""Every architecture of timm as a backbone, under timm's name, with timm's tags for its weights.

Source: Wightman, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models
"""

from __future__ import annotations

import functools
from typing import Annotated

import timm
from msgspec import Meta
from timm.models import PretrainedCfg
from torch import nn

from birads_zoo import BackboneContext, BackboneSpec, Options, UserError
from birads_zoo_plugins.backbones._timm_fit import created, fit, settings_of
from birads_zoo_plugins.backbones._timm_map import as_feature_map
from birads_zoo_plugins.backbones._traces import leave_out_unused

PREFIX = "timm"
_IMAGENET = ("in1k", "in12k", "in21k", "in22k")
"""Parts of tags of weights that were trained on a part of ImageNet."""


class TimmOptions(Options, frozen=True, kw_only=True):
    """Options of every architecture of timm."""

    drop_path: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="stochastic depth: how often the last block is skipped in training, earlier blocks less often; "
            "0 keeps timm's default",
        ),
    ] = 0.0


@functools.cache
def names() -> tuple[str, ...]:
    """Return all architectures, also with the tag of each of their pretrained weights: `resnet50.a1_in1k`."""
    return tuple(sorted({*timm.list_models(), *timm.list_models(include_tags=True)}))


def resolve(name: str) -> BackboneSpec:
    """Return the backbone called `name`, with or without a tag; without one, its weights are timm's default.

    Raises:
        KeyError: when timm has no such architecture or weights.

    """
    if name not in names():
        raise KeyError(name)
    settings = settings_of(name)
    return BackboneSpec(
        name=f"{PREFIX}/{name}",
        summary=f"timm's {name.partition('.')[0]}, made for {settings.input_size[1]}x{settings.input_size[2]} pixels",
        build=functools.partial(_build, name),
        options=TimmOptions,
        pixel_mean=tuple(settings.mean),
        pixel_std=tuple(settings.std),
        grey=True,
        usual_size=tuple(settings.input_size[1:]),
        weights=_weights(settings),
        licence=_licence(settings),
    )


def _build(name: str, context: BackboneContext) -> nn.Module:
    """Build the architecture up to its last feature map, N×C×H×W → N×D×h×w, without unused parts.

    Raises:
        UserError: when it does not accept pictures of that size, or `drop_path` is set and it has no stochastic depth.

    """
    fitted = fit(name, context.in_channels, (context.height, context.width))
    drop_path: float = context.options.drop_path
    try:
        network = created(name, fitted.channels, fitted.size, pretrained=context.pretrained, drop_path=drop_path)
    except TypeError as error:
        if drop_path and "drop_path_rate" in str(error):
            raise _no_drop_path(name) from error
        raise
    if drop_path and not any(getattr(module, "drop_prob", 0) for module in network.modules()):
        raise _no_drop_path(name)
    leave_out_unused(network, fitted.traced)
    return as_feature_map(network, fitted)


def _no_drop_path(name: str) -> UserError:
    return UserError(f"model.options.drop_path: {PREFIX}/{name} has no stochastic depth; leave the option out")


def _weights(settings: PretrainedCfg) -> str:
    size = "x".join(str(side) for side in settings.input_size[1:])
    if settings.hf_hub_id:
        return f"{settings.hf_hub_id} on the Hugging Face hub, trained at {size}"
    return f"{settings.url}, trained at {size}" if settings.has_weights else ""


def _licence(settings: PretrainedCfg) -> str:
    if not settings.has_weights:
        return ""
    stated = settings.license or "timm states none: see the weights' own page"
    terms = "; ImageNet's own terms (non-commercial research) may bind the weights"
    return stated + terms * any(part in (settings.tag or "") for part in _IMAGENET)
