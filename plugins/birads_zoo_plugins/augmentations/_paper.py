"""The paper's augmentation."""

from __future__ import annotations

import torch
from kornia.enhance import adjust_brightness, adjust_contrast_with_mean_subtraction
from torch import Tensor, nn

from birads_zoo_plugins.augmentations._draws import mirror, uniform, warp


class Paper(nn.Module):
    """N×C×H×W → the same: what the paper names, at the strengths of Keras' own examples, in the first channel.

    Further channels are maps that take part in the geometry alone.

    The paper gives no numbers. Taken are: horizontal flip of half the images; rotation by up to 0.1 turn (36°) either
    way, as `RandomRotation(0.1)`; brightness shifted by up to 0.1, as `RandomBrightness(0.1)`; contrast about the
    image's mean by a factor of 0.9 to 1.1, as `RandomContrast(0.1)`. What rotates in is black, not Keras' reflection.
    """

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return the augmented images, of the same type and on the same device."""
        with torch.autocast(images.device.type, enabled=False):  # pixel coordinates do not fit half precision
            pixels = images.float()
            unit = torch.ones(images.shape[0], device=images.device)
            pixels = warp(pixels, degrees=uniform(images, -36, 36), scale_x=mirror(images), scale_y=unit)
            picture = adjust_brightness(pixels[:, :1], uniform(images, -0.1, 0.1))
            picture = adjust_contrast_with_mean_subtraction(picture, uniform(images, 0.9, 1.1))
            return torch.cat([picture.clamp(0, 1), pixels[:, 1:]], dim=1).to(images.dtype)
