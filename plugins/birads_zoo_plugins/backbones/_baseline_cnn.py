"""Builds the paper's CNN up to its last feature map."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from birads_zoo import BackboneContext


def build(context: BackboneContext) -> nn.Module:
    """Build three blocks of 32, 64 and 128 channels: N×C×H×W → N×128×h×w, h about H/8 (26 at 224).

    Each block is a 3×3 convolution without padding, ReLU, batch norm and 2×2 max-pooling, in this order, as in Keras'
    `Conv2D(activation="relu")` followed by `BatchNormalization`. With flattened features, a hidden layer of 256 and
    four classes this gives the paper's 22,246,148 trainable parameters at 224×224. Initialisation and the batch
    norm's momentum are torch's. No pretrained weights exist, so `context.pretrained` has no effect.
    """
    widths = (context.in_channels, 32, 64, 128)
    return nn.Sequential(
        OrderedDict((f"block{number}", _block(widths[number - 1], widths[number])) for number in (1, 2, 3))
    )


def _block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(inputs, outputs, kernel_size=3),
            relu=nn.ReLU(),
            norm=nn.BatchNorm2d(outputs),
            pool=nn.MaxPool2d(2),
        )
    )
