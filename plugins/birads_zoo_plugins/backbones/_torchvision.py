"""torchvision's networks without their classification heads, with torchvision's names for every weight.

Pretrained weights are IMAGENET1K_V1 for all of them, from the networks' original training recipes. They correspond to
the paper's Keras weights. The longer recipes of V2 (label smoothing, mixup, EMA) reach a higher ImageNet accuracy, but
their features transfer worse when frozen (Kornblith et al., "Why Do Better Loss Functions
Lead to Less Transferable Features?", NeurIPS 2021).
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

from torch import nn
from torchvision import models

from birads_zoo import BackboneContext


def resnet50(context: BackboneContext) -> nn.Module:
    """Build ResNet-50: N×3×H×W → N×2048×H/32×W/32."""
    return _without_head(models.resnet50(**weight_settings(context)), "avgpool", "fc")


def efficientnet_b0(context: BackboneContext) -> nn.Module:
    """Build EfficientNet-B0: N×3×H×W → N×1280×H/32×W/32."""
    return _without_head(models.efficientnet_b0(**weight_settings(context)), "avgpool", "classifier")


def mobilenet_v2(context: BackboneContext) -> nn.Module:
    """Build MobileNetV2: N×3×H×W → N×1280×H/32×W/32."""
    return _without_head(models.mobilenet_v2(**weight_settings(context)), "classifier")


def weight_settings(context: BackboneContext) -> dict[str, Any]:
    return {"weights": "IMAGENET1K_V1" if context.pretrained else None, "progress": sys.stderr.isatty()}


def _without_head(network: nn.Module, *head: str) -> nn.Module:
    """Chain the children before the head, which is all that `forward` does in these three networks."""
    return nn.Sequential(OrderedDict((name, child) for name, child in network.named_children() if name not in head))
