"""A warp of mammograms whose chest wall is at the left edge: it stays there, and the breast stays in the frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

FAINTEST = 0.06
"""Share of a picture's brightest grey from which on a pixel counts as breast; film and scanners' noise are darker."""


def anchored_warp(images: Tensor, *, scale_x: Tensor, scale_y: Tensor, tilt_degrees: Tensor, shift_y: Tensor) -> Tensor:
    """Scale, tilt and shift each N×C×H×W image, in one bilinear resampling that keeps x = 0 where it is.

    x' = a·x and y' = b·y + c·x + d, y being measured from the middle: the only affine maps under which a chest wall at
    the left edge stays there. `tilt_degrees` turns the line from the chest wall to the nipple, `shift_y` is a fraction
    of the height, and a negative `scale_y` turns the picture upside down. Where the first channel's breast would leave
    the frame, both scales and the tilt are made smaller and the shift is moved, as far as it takes. Each argument has a
    value an image. What comes in from outside is black.
    """
    _, _, height, width = images.shape
    top, bottom, right = _outline(images[:, 0])
    across = torch.minimum(scale_x, width / right)[:, None]
    x = torch.arange(width, device=images.device) + 0.5
    lean = across * x * torch.tan(tilt_degrees * (math.pi / 180))[:, None]  # N×W
    ends = torch.stack((scale_y[:, None] * top + lean, scale_y[:, None] * bottom + lean))
    low, high = ends.amin(0).amin(1), ends.amax(0).amax(1)
    fits = (height / (high - low).clamp(min=1)).clamp(max=1)
    down, slope = scale_y * fits, across[:, 0] * torch.tan(tilt_degrees * (math.pi / 180)) * fits
    shift = torch.minimum(torch.maximum(shift_y * height, -height / 2 - low * fits), height / 2 - high * fits)
    return _resampled(images, across[:, 0], down, slope, shift)


def _outline(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return each column's top and bottom of the breast (N×W, pixels from the middle), and its right end (N, pixels).

    A column without breast has both ends in the middle; a picture without has its right end at its first column's.
    """
    height, width = pictures.shape[1:]
    seen = pictures > FAINTEST * pictures.amax((1, 2), keepdim=True)
    there = seen.any(1)
    first, last = seen.int().argmax(1), height - seen.flip(1).int().argmax(1)
    nothing = torch.zeros((), device=pictures.device)
    top = torch.where(there, first - height / 2, nothing)
    bottom = torch.where(there, last - height / 2, nothing)
    columns = torch.arange(1, width + 1, device=pictures.device)
    return top, bottom, (there * columns).amax(1).clamp(min=1)


def _resampled(images: Tensor, across: Tensor, down: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """Resample by the inverse of x' = across·x, y' = down·y + slope·x + shift; all are in pixels."""
    height, width = images.shape[2:]
    nothing = torch.zeros_like(across)
    lean = slope * width / (height * across * down)
    to_source = torch.stack(
        (
            torch.stack((1 / across, nothing, 1 / across - 1), 1),
            torch.stack((-lean, 1 / down, -lean - 2 * shift / (height * down)), 1),
        ),
        1,
    )
    grid = affine_grid(to_source, list(images.shape), align_corners=False)
    # The half pixel outside of the left edge is chest wall too, not black.
    grid = torch.stack((grid[..., 0].clamp(min=1 / width - 1), grid[..., 1]), -1)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
