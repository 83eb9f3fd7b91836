"""torchvision's networks without their classification heads, under torchvision's own names for every weight.

Pretrained means IMAGENET1K_V1, the weights of the networks' original training recipes, for all of them. It is what
the paper's Keras weights correspond to; and the longer recipes behind V2 (label smoothing, mixup, EMA) buy ImageNet
accuracy at the price of features that transfer worse when frozen (Kornblith et al., "Why Do Better Loss Functions
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
    return _without_head(models.resnet50(**asked_weights(context)), "avgpool", "fc")


def efficientnet_b0(context: BackboneContext) -> nn.Module:
    """Build EfficientNet-B0: N×3×H×W → N×1280×H/32×W/32."""
    return _without_head(models.efficientnet_b0(**asked_weights(context)), "avgpool", "classifier")


def mobilenet_v2(context: BackboneContext) -> nn.Module:
    """Build MobileNetV2: N×3×H×W → N×1280×H/32×W/32."""
    return _without_head(models.mobilenet_v2(**asked_weights(context)), "classifier")


def asked_weights(context: BackboneContext) -> dict[str, Any]:
    return {"weights": "IMAGENET1K_V1" if context.pretrained else None, "progress": sys.stderr.isatty()}


def _without_head(network: nn.Module, *head: str) -> nn.Module:
    """Chain the children that come before the head: in all three networks forward does no more than that."""
    return nn.Sequential(OrderedDict((name, child) for name, child in network.named_children() if name not in head))
