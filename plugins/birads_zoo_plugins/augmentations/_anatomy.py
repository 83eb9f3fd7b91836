"""Warps mammograms so that the chest wall stays at the left edge and the breast stays in the frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

FAINTEST = 0.06
"""A pixel above this share of the brightest grey counts as breast; film and scanner noise are darker."""


def anchored_warp(images: Tensor, *, scale_x: Tensor, scale_y: Tensor, tilt_degrees: Tensor, shift_y: Tensor) -> Tensor:
    """Scale, tilt and shift each N×C×H×W image, in one bilinear resampling that keeps x = 0 in place.

    x' = a·x and y' = b·y + c·x + d, with y measured from the middle: these are the only affine maps that keep a chest
    wall at the left edge. `tilt_degrees` turns the line from the chest wall to the nipple, `shift_y` is a fraction of
    the height, and a negative `scale_y` turns the picture upside down. Each argument has one value per image. Where the
    breast in the first channel would leave the frame, scales and slope are reduced by one factor, which keeps its
    shape, and the shift is changed as far as necessary. Pixels from outside the image are black.
    """
    _, _, height, width = images.shape
    with_breast, top, bottom, right = _outline(images[:, 0])
    slope = scale_x * torch.tan(tilt_degrees * (math.pi / 180))
    lean = slope[:, None] * (torch.arange(width, device=images.device) + 0.5)  # N×W
    ends = torch.stack((scale_y[:, None] * top + lean, scale_y[:, None] * bottom + lean))
    low = ends.amin(0).where(with_breast, math.inf).amin(1).clamp(max=0)
    high = ends.amax(0).where(with_breast, -math.inf).amax(1).clamp(min=0)
    fits = torch.minimum(width / (scale_x * right), height / (high - low).clamp(min=1)).clamp(max=1)
    shift = torch.minimum(torch.maximum(shift_y * height, -height / 2 - low * fits), height / 2 - high * fits)
    return _resampled(images, scale_x * fits, scale_y * fits, slope * fits, shift)


def _outline(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return which columns contain breast (N×W), its top and bottom there (N×W) and its right end (N).

    Tops and bottoms are in pixels from the middle, right ends from the left edge.
    """
    height, width = pictures.shape[1:]
    breast = pictures > FAINTEST * pictures.amax((1, 2), keepdim=True)
    with_breast = breast.any(1)
    top = breast.int().argmax(1) - height / 2
    bottom = height / 2 - breast.flip(1).int().argmax(1)
    columns = torch.arange(1, width + 1, device=pictures.device)
    return with_breast, top, bottom, (with_breast * columns).amax(1).clamp(min=1)


def _resampled(images: Tensor, across: Tensor, down: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """Resample by the inverse of x' = across·x, y' = down·y + slope·x + shift; all are in pixels."""
    height, width = images.shape[2:]
    zeros = torch.zeros_like(across)
    lean = slope * width / (height * across * down)
    to_source = torch.stack(
        (
            torch.stack((1 / across, zeros, 1 / across - 1), 1),
            torch.stack((-lean, 1 / down, -lean - 2 * shift / (height * down)), 1),
        ),
        1,
    )
    grid = affine_grid(to_source, list(images.shape), align_corners=False)
    # The half pixel outside the left edge is chest wall too, not black.
    grid = torch.stack((grid[..., 0].clamp(min=1 / width - 1), grid[..., 1]), -1)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
