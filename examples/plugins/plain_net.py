"""A backbone: three strided convolutions, trained from random weights."""

from collections import OrderedDict
from typing import Annotated

from msgspec import Meta

from birads_zoo import BackboneSpec, Options, hookimpl

PLUGIN_API = 1


class PlainNetOptions(Options, frozen=True, kw_only=True):
    width: Annotated[int, Meta(ge=1, description="channels after the first block; each later one doubles them")] = 16


def build(context):  # N×C×H×W → N×D×h×w, here C = 1, D = 4 width, h = H/8, w = W/8
    from torch import nn

    blocks, channels = OrderedDict(), context.in_channels
    for number, width in enumerate((1, 2, 4), start=1):
        outputs = width * context.options.width
        convolution = nn.Conv2d(channels, outputs, 3, stride=2, padding=1)
        blocks[f"block{number}"] = nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
        channels = outputs
    return nn.Sequential(blocks)


@hookimpl
def birads_zoo_backbones():
    return [
        BackboneSpec(
            name="plain-net",
            summary="Three strided convolutions",
            build=build,
            options=PlainNetOptions,
            pixel_mean=(0.2,),  # one value for each channel: this network takes grey pictures
            pixel_std=(0.25,),
            stages=("block1", "block2", "block3"),  # `model.freeze=early` and `model.last_stage` use them
        )
    ]
