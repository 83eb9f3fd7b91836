"""What the augmentations share: random parameters drawn where the images are, and one warp for all geometry.

Kornia's functions do the work on the pixels. Its random modules are not used: their generators are born on the CPU, and
even one that is moved hands its parameters out on the device of the numbers it was built from, the CPU again, which
makes the host wait for a GPU at every batch.
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
    """Draw −1 (mirrored) with this probability, else 1, for each image."""
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

    Every argument has one value an image; a negative scale mirrors. Shifts are in fractions of the image's size. What
    comes in from outside is black, as the background of a mammogram is.
    """
    count, _, height, width = images.shape
    nothing = torch.zeros(count, device=images.device)
    centre = torch.stack((nothing + (width - 1) / 2, nothing + (height - 1) / 2), 1)
    shifts = torch.stack(
        (nothing if shift_x is None else shift_x * width, nothing if shift_y is None else shift_y * height), 1
    )
    shear = nothing if shear_degrees is None else shear_degrees * (math.pi / 180)
    matrix = get_affine_matrix2d(shifts, centre, torch.stack((scale_x, scale_y), 1), degrees, shear, nothing)
    warped: Tensor = warp_affine(
        images, matrix[:, :2], (height, width), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return warped
