"""An augmentation: each picture's grey values times noise about 1, as fine as the pixels."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import AugmentationSpec, Options, hookimpl

PLUGIN_API = 1


class SpeckleOptions(Options, frozen=True, kw_only=True):
    strength: Annotated[float, Meta(ge=0, le=1, description="standard deviation of the noise")] = 0.05


def build(context):
    import torch
    from torch import nn

    class Speckle(nn.Module):
        def forward(self, images):  # N×C×H×W; only the first channel is the picture
            picture = images[:, :1]
            noise = torch.randn_like(picture)  # from the generator of the images' device, which the engine seeds
            noisy = (picture * (1 + context.options.strength * noise)).clamp(0, 1)
            return torch.cat([noisy, images[:, 1:]], dim=1)

    return Speckle()


@hookimpl
def birads_zoo_augmentations():
    return [AugmentationSpec(name="speckle", summary="Multiplicative noise", build=build, options=SpeckleOptions)]
