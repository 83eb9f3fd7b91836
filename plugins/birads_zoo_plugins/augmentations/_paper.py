"""The paper's augmentation."""

from __future__ import annotations

import torch
from kornia.enhance import adjust_brightness, adjust_contrast_with_mean_subtraction
from torch import Tensor, nn

from birads_zoo_plugins.augmentations._draws import mirror, uniform, warp


class Paper(nn.Module):
    """N×C×H×W → the same shape: the changes that the paper names, in the first channel.

    Further channels are maps that only take part in the geometry.

    The paper gives no numbers, so the strengths are those of Keras' examples: horizontal flip of half the images;
    rotation by up to 0.1 turn (36°) in either direction, as `RandomRotation(0.1)`; brightness shifted by up to 0.1, as
    `RandomBrightness(0.1)`; contrast about the image's mean by a factor of 0.9 to 1.1, as `RandomContrast(0.1)`. Pixels
    that rotate in are black, unlike Keras' reflection.
    """

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return the augmented images, of the same type and on the same device."""
        with torch.autocast(images.device.type, enabled=False):  # pixel coordinates do not fit half precision
            pixels = images.float()
            scale = torch.ones(images.shape[0], device=images.device)
            pixels = warp(pixels, degrees=uniform(images, -36, 36), scale_x=mirror(images), scale_y=scale)
            picture = adjust_brightness(pixels[:, :1], uniform(images, -0.1, 0.1))
            picture = adjust_contrast_with_mean_subtraction(picture, uniform(images, 0.9, 1.1))
            return torch.cat([picture.clamp(0, 1), pixels[:, 1:]], dim=1).to(images.dtype)
