"""A stronger augmentation for mammograms."""

from __future__ import annotations

import torch
from kornia.enhance import adjust_gamma
from torch import Tensor, nn

from birads_zoo_plugins.augmentations._anatomy import anchored_warp
from birads_zoo_plugins.augmentations._draws import mirror, uniform, warp


class Mammo(nn.Module):
    """N×C×H×W → the same shape: changes the first channel as two mammograms of the same finding may differ.

    Further channels are maps that only take part in the geometry. The ranges below are for a `strength` of 1; all
    ranges except the flips shrink in proportion to it.

    Geometry is done in one resampling, because each resampling blurs microcalcifications, which are one to three pixels
    wide. With `anchored`, the chest wall is at the left edge, where the engine turns it. There it stays, and the breast
    stays in the frame (`_anatomy.anchored_warp`), as in every picture that is predicted:

    - up–down flips of half the images: the breast's other half;
    - a tilt of the breast by up to 20° and a shift along the chest wall by up to 6 % of the height: positioning;
    - size by 0.85 to 1.15, or smaller where the tilted breast would leave the frame: breast size and magnification;
      not smaller without need, because fine detail would be lost between the pixels;
    - a side ratio within 5 %: compression of the breast.

    Without `anchored`, the side of the chest wall is not known. Then there are also left–right flips of half the
    images, rotation instead of the tilt, shifts along both axes, and shear by up to 5°; part of the breast may leave
    the frame.

    Intensity is changed after the geometry. Black stays black, so that the background carries no information:

    - gamma 0.75 to 1.33: the detector's response and the display curve, which differ between makers;
    - gain 0.8 to 1: exposure. It is never above 1, which would clip the brightest pixels, such as calcifications.

    Left out on purpose: blur and noise, which remove or imitate microcalcifications; erasing, which can hide the only
    lesion while its label stays; elastic deformation, which changes the margins that distinguish category 3 from 5.
    Flips, rotation, size and intensity shifts follow Shen et al., "Deep Learning to Improve Breast Cancer Detection on
    Screening Mammography", Scientific Reports 2019, with weaker scaling.
    """

    def __init__(self, strength: float, *, anchored: bool) -> None:
        super().__init__()
        self.strength, self.anchored = strength, anchored

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return the augmented images, of the same type and on the same device."""
        with torch.autocast(images.device.type, enabled=False):  # pixel coordinates do not fit half precision
            s = self.strength
            pixels = self._warped(images.float())
            gamma = uniform(images, -0.2877 * s, 0.2877 * s).exp()  # ln 4/3: brighter and darker equally likely
            picture = adjust_gamma(pixels[:, :1].clamp(0, 1), gamma, uniform(images, 1 - 0.2 * s, 1.0))
            return torch.cat([picture.clamp(0, 1), pixels[:, 1:]], dim=1).to(images.dtype)

    def _warped(self, images: Tensor) -> Tensor:
        s = self.strength
        size = uniform(images, 1 - 0.15 * s, 1 + 0.15 * s)
        ratio = uniform(images, 1 - 0.025 * s, 1 + 0.025 * s)
        degrees = uniform(images, -20 * s, 20 * s)
        upside_down = mirror(images)
        shift_y = uniform(images, -0.06 * s, 0.06 * s)
        if self.anchored:
            return anchored_warp(
                images,
                scale_x=size * ratio,
                scale_y=upside_down * size / ratio,
                tilt_degrees=degrees,
                shift_y=shift_y,
            )
        return warp(
            images,
            degrees=degrees,
            scale_x=mirror(images) * size * ratio,
            scale_y=upside_down * size / ratio,
            shear_degrees=uniform(images, -5 * s, 5 * s),
            shift_x=uniform(images, -0.06 * s, 0.06 * s),
            shift_y=shift_y,
        )
