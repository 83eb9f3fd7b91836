"""The bundled backbones: the paper's four networks, two transformers, and all networks of timm and torchvision.

Networks of a library keep its names and the keys of its state dicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from birads_zoo import BackboneContext, BackboneFamily, BackboneSpec, hookimpl

if TYPE_CHECKING:
    from torch import nn

PLUGIN_API = 1

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_WEIGHTS = "ImageNet-1k, torchvision's IMAGENET1K_V1"  # licences are in `[licences]` of registry.toml


def _build_baseline_cnn(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._baseline_cnn import build

    return build(context)


def _build_resnet50(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._torchvision import resnet50

    return resnet50(context)


def _build_efficientnet_b0(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._torchvision import efficientnet_b0

    return efficientnet_b0(context)


def _build_mobilenet_v2(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._torchvision import mobilenet_v2

    return mobilenet_v2(context)


def _build_swin_t(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._transformers import swin_t

    return swin_t(context)


def _build_vit_b_16(context: BackboneContext) -> nn.Module:
    from birads_zoo_plugins.backbones._transformers import vit_b_16

    return vit_b_16(context)


def _timm_names() -> Sequence[str]:
    from birads_zoo_plugins.backbones._timm import names

    return names()


def _resolve_timm(name: str) -> BackboneSpec:
    from birads_zoo_plugins.backbones._timm import resolve

    return resolve(name)


def _torchvision_names() -> Sequence[str]:
    from birads_zoo_plugins.backbones._torchvision_family import names

    return names()


def _resolve_torchvision(name: str) -> BackboneSpec:
    from birads_zoo_plugins.backbones._torchvision_family import resolve

    return resolve(name)


@hookimpl
def birads_zoo_backbones() -> list[BackboneSpec | BackboneFamily]:
    """Return the paper's networks, then the transformers, then the families."""
    return [
        BackboneSpec(
            name="baseline_cnn",
            summary="The paper's own network: three convolutions, trained from scratch",
            build=_build_baseline_cnn,
            pixel_mean=(0.0, 0.0, 0.0),  # the paper fed it RGB in [0, 1]
            pixel_std=(1.0, 1.0, 1.0),
            stages=("block1", "block2", "block3"),
        ),
        BackboneSpec(
            name="resnet50",
            summary="torchvision's ResNet-50 (He et al. 2016), ImageNet weights",
            build=_build_resnet50,
            pixel_mean=IMAGENET_MEAN,
            pixel_std=IMAGENET_STD,
            stages=("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
            weights=IMAGENET_WEIGHTS,
        ),
        BackboneSpec(
            name="efficientnet_b0",
            summary="torchvision's EfficientNet-B0 (Tan & Le 2019), ImageNet weights",
            build=_build_efficientnet_b0,
            pixel_mean=IMAGENET_MEAN,
            pixel_std=IMAGENET_STD,
            stages=tuple(f"features.{number}" for number in range(9)),
            weights=IMAGENET_WEIGHTS,
        ),
        BackboneSpec(
            name="mobilenet_v2",
            summary="torchvision's MobileNetV2 (Sandler et al. 2018), ImageNet weights",
            build=_build_mobilenet_v2,
            pixel_mean=IMAGENET_MEAN,
            pixel_std=IMAGENET_STD,
            stages=tuple(f"features.{number}" for number in range(19)),
            weights=IMAGENET_WEIGHTS,
        ),
        BackboneSpec(
            name="swin_t",
            summary="torchvision's Swin-T (Liu et al. 2021), a transformer of shifted windows, ImageNet weights",
            build=_build_swin_t,
            pixel_mean=IMAGENET_MEAN,
            pixel_std=IMAGENET_STD,
            stages=(*(f"features.{number}" for number in range(8)), "norm"),
            weights=IMAGENET_WEIGHTS,
        ),
        BackboneSpec(
            name="vit_b_16",
            summary="torchvision's ViT-B/16 (Dosovitskiy et al. 2021), its patches' tokens as a map, ImageNet weights",
            build=_build_vit_b_16,
            pixel_mean=IMAGENET_MEAN,
            pixel_std=IMAGENET_STD,
            stages=(
                *("class_token", "conv_proj", "encoder.pos_embedding"),
                *(f"encoder.layers.encoder_layer_{number}" for number in range(12)),
                "encoder.ln",
            ),
            weights=IMAGENET_WEIGHTS,
        ),
        BackboneFamily(
            prefix="timm",
            summary="Every architecture of timm (Wightman), without a tag or with the tag of its weights",
            names=_timm_names,
            resolve=_resolve_timm,
        ),
        BackboneFamily(
            prefix="torchvision",
            summary="Every classification network of torchvision, without or with the name of its weights",
            names=_torchvision_names,
            resolve=_resolve_torchvision,
        ),
    ]
