"""torchvision's transformers as feature maps: tokens folded into a grid, with torchvision's names for weights.

Pretrained weights are IMAGENET1K_V1, as for torchvision's other networks.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models
from torchvision.models.convnext import LayerNorm2d
from torchvision.models.swin_transformer import PatchMerging, SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer
from torchvision.ops.misc import Permute

from birads_zoo import BackboneContext
from birads_zoo_plugins.backbones._torchvision import weight_settings


def swin_t(context: BackboneContext) -> nn.Module:
    """Build Swin-T up to its last norm: N×3×H×W → N×768×H/32×W/32, of any size.

    Source: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", ICCV 2021.
    """
    return swin_map(models.swin_t(**weight_settings(context), downsample_layer=Merging))


def vit_b_16(context: BackboneContext) -> nn.Module:
    """Build ViT-B/16 up to its last norm: N×3×H×W → N×768×⌈H/16⌉×⌈W/16⌉, of any size.

    Source: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021.
    """
    return PatchGrid(models.vit_b_16(**weight_settings(context)))


def swin_map(network: SwinTransformer) -> nn.Module:
    """Return a Swin transformer, made with `Merging`, without its head: a chain of stages, each from map to map.

    torchvision's stages use N×h×w×D. These take and return N×D×h×w, so that the chain can end after any of them; the
    numbers are the same. As in torchvision, pixels at the right and at the bottom that fill no patch (4×4) are ignored.
    """
    embed, *others = network.features
    stages = [nn.Sequential(*embed, Permute([0, 3, 1, 2]))]
    stages += [part if isinstance(part, Merging) else Blocks(*part) for part in others]
    norm = LayerNorm2d(network.norm.normalized_shape, eps=network.norm.eps)
    norm.load_state_dict(network.norm.state_dict())
    return nn.Sequential(OrderedDict(features=nn.Sequential(*stages), norm=norm))


class Blocks(nn.Sequential):
    """Swin's blocks, which need the channels last, for maps N×D×h×w."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps after all blocks, N×D×h×w."""
        places = maps.permute(0, 2, 3, 1)
        for block in self:
            places = block(places)
        return places.permute(0, 3, 1, 2)


class Merging(PatchMerging):  # type: ignore[misc]  # torchvision is untyped
    """Swin's merging of 2×2 places into one, which needs the channels last, for maps N×D×h×w."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps N×2D×⌈h/2⌉×⌈w/2⌉."""
        merged: Tensor = super().forward(maps.permute(0, 2, 3, 1))
        return merged.permute(0, 3, 1, 2)


class PatchGrid(nn.Module):
    """A Vision Transformer without its head: N×3×H×W → N×D×⌈H/P⌉×⌈W/P⌉, one place for each of its P×P patches.

    A grey picture, N×1×H×W, is repeated over the three channels.

    The class token takes part in attention but is left out of the map, because it has no place in the picture. The
    ImageNet head was trained only on the class token, not on the patches' last tokens. These are normalised by the
    encoder's last layer norm, like the class token.

    A picture whose sides are not multiples of P is padded at the right and at the bottom with its outermost pixels. At
    these edges is background, or the breast continues; padding with another grey would add an edge. Position
    embeddings keep their size in torchvision's weights (14×14 at P = 16) and are interpolated to the picture's grid in
    every pass: bicubically, with antialiasing where they shrink, as in timm.
    """

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.patch_size: int = network.patch_size
        self.class_token: nn.Parameter = network.class_token
        self.conv_proj: nn.Module = network.conv_proj
        self.encoder: Any = network.encoder  # torchvision's, untyped

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map N×D×⌈H/P⌉×⌈W/P⌉ of images N×3×H×W."""
        missing = [-side % self.patch_size for side in images.shape[-2:]]
        padded = F.pad(images.expand(-1, 3, -1, -1), (0, missing[1], 0, missing[0]), mode="replicate")
        patches = self.conv_proj(padded)
        tokens = torch.cat([self.class_token.expand(patches.shape[0], -1, -1), patches.flatten(2).mT], dim=1)
        tokens = self.encoder.dropout(tokens + self._positions(*patches.shape[-2:]))
        tokens = self.encoder.ln(self.encoder.layers(tokens))
        folded: Tensor = tokens[:, 1:].mT.reshape(patches.shape)
        return folded

    def _positions(self, height: int, width: int) -> Tensor:
        """Return the position embeddings 1×(1 + height·width)×D; the class token's is the first."""
        learnt: Tensor = self.encoder.pos_embedding
        side = math.isqrt(learnt.shape[1] - 1)
        if (height, width) == (side, side):
            return learnt
        grid = learnt[:, 1:].mT.reshape(1, -1, side, side)
        grid = F.interpolate(grid, size=(height, width), mode="bicubic", antialias=True)
        return torch.cat([learnt[:, :1], grid.flatten(2).mT], dim=1)

    def stage_names(self) -> tuple[str, ...]:
        """Return the parts before the layers, the layers and the last norm."""
        layers = (f"encoder.layers.{name}" for name, _ in self.encoder.layers.named_children())
        return ("class_token", "conv_proj", "encoder.pos_embedding", *layers, "encoder.ln")

    def end_after(self, stage: str) -> None:
        """End the network after `stage`: its tokens become the map, without the last norm.

        Raises:
            ValueError: when `stage` is neither the patches' projection, a layer, nor the last norm.

        """
        if stage == "encoder.ln":
            return
        ends = ["conv_proj", *(f"encoder.layers.{name}" for name, _ in self.encoder.layers.named_children())]
        self.encoder.layers = self.encoder.layers[: ends.index(stage)]
        self.encoder.ln = nn.Identity()
