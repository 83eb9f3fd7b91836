"""A family of backbones, resolved by name: strided/2x8 is two strided steps, the first of eight channels."""

import re
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from birads_zoo import BackboneFamily, BackboneSpec, Options, hookimpl


class StridedOptions(Options, frozen=True, kw_only=True):
    kernel: Annotated[Literal[3, 5, 7], Meta(description="pixels across of each convolution")] = 3
    dropout: Annotated[float, Meta(ge=0, lt=1, description="the share of channels left out after each step")] = 0.0


def build(context, widths):
    from torch import nn

    options, channels, steps = context.options, context.in_channels, nn.Sequential()
    for step, width in enumerate(widths, start=1):
        convolution = nn.Conv2d(channels, width, options.kernel, stride=2, padding=options.kernel // 2)
        steps.add_module(f"step{step}", nn.Sequential(convolution, nn.SiLU(), nn.Dropout2d(options.dropout)))
        channels = width
    return steps


def resolve(name):  # more names than `names` lists: 1 to 5 steps of any width up to 99
    match = re.fullmatch(r"([1-5])x([1-9]\d?)", name)
    if match is None:
        raise KeyError(name)
    widths = [int(match[2]) << step for step in range(int(match[1]))]
    parts = {"options": StridedOptions, "stages": tuple(f"step{step + 1}" for step in range(len(widths)))}
    return BackboneSpec(name=f"strided/{name}", summary=f"{widths}", build=partial(build, widths=widths), **parts)


@hookimpl
def birads_zoo_backbones():
    names = [f"{steps}x{width}" for steps in range(1, 6) for width in (8, 16, 32)]
    return [BackboneFamily(prefix="strided", summary="Strided steps", names=lambda: names, resolve=resolve)]
