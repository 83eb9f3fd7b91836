"""Random parameters drawn on the images' device, and one warp for all geometry.

Kornia's functions change the pixels. Its random modules are not used, because they draw their parameters on the CPU,
even after a move to a GPU, so that the host has to wait for the GPU at every batch.
"""

from __future__ import annotations

import math

import torch
from kornia.geometry.transform import get_affine_matrix2d, warp_affine
from torch import Tensor


def uniform(images: Tensor, low: float, high: float) -> Tensor:
    """Draw one number in [low, high) for each image, from the generator of the images' device."""
    return low + (high - low) * torch.rand(images.shape[0], device=images.device)


def mirror(images: Tensor, probability: float = 0.5) -> Tensor:
    """Draw −1 (mirrored) with this probability, or else 1, for each image."""
    return 1 - 2 * (torch.rand(images.shape[0], device=images.device) < probability).float()


def warp(
    images: Tensor,
    *,
    degrees: Tensor,
    scale_x: Tensor,
    scale_y: Tensor,
    shear_degrees: Tensor | None = None,
    shift_x: Tensor | None = None,
    shift_y: Tensor | None = None,
) -> Tensor:
    """Rotate, scale, shear and shift each N×C×H×W image about its centre, in one bilinear resampling.

    Every argument has one value per image; a negative scale mirrors. Shifts are fractions of the image's size. Pixels
    from outside the image are black, like the background of a mammogram.
    """
    count, _, height, width = images.shape
    zeros = torch.zeros(count, device=images.device)
    centre = torch.stack((zeros + (width - 1) / 2, zeros + (height - 1) / 2), 1)
    shifts = torch.stack(
        (zeros if shift_x is None else shift_x * width, zeros if shift_y is None else shift_y * height), 1
    )
    shear = zeros if shear_degrees is None else shear_degrees * (math.pi / 180)
    matrix = get_affine_matrix2d(shifts, centre, torch.stack((scale_x, scale_y), 1), degrees, shear, zeros)
    warped: Tensor = warp_affine(
        images, matrix[:, :2], (height, width), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return warped
