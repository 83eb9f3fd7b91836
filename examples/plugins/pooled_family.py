"""A family of backbones, resolved by name: pooled/8 to pooled/64, one convolution of so many channels."""

from functools import partial

from birads_zoo import BackboneFamily, BackboneSpec, hookimpl

PLUGIN_API = 1

WIDTHS = ("8", "16", "32", "64")


def build(context, width):
    from torch import nn

    return nn.Sequential(nn.Conv2d(context.in_channels, width, 7, stride=4, padding=3), nn.ReLU(), nn.MaxPool2d(2))


def names():  # a library's family would call the library here; commands do not call this when they start
    return WIDTHS


def resolve(name):
    if name not in WIDTHS:
        raise KeyError(name)  # the engine suggests the nearest of `names()`
    build_it = partial(build, width=int(name))
    return BackboneSpec(name=f"pooled/{name}", summary=f"{name} channels of one convolution", build=build_it)


@hookimpl
def birads_zoo_backbones():
    return [BackboneFamily(prefix="pooled", summary="One convolution and a pooling", names=names, resolve=resolve)]
