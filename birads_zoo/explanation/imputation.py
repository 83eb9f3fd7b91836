"""Imputes missing pixels from their surroundings, as ROAD does, for whole batches on the device.

Source: Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022, section 4.2:
each missing pixel is the weighted mean of its eight neighbours (1/6 beside, 1/12 diagonally). Neighbours may be missing
too, so this is a linear system. Blurred or black pixels show a network the shape of what was removed; imputed pixels
hardly do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SWEEPS = 16  # at each size except the smallest
_SMALLEST = 12  # pixels on the shorter side; a picture is not halved below this
_SWEEPS_SMALLEST = 60
_CACHED = 2**18  # pixels that a CPU processes at once, so that a sweep's data stays in its cache


def impute(pictures: Tensor, missing: Tensor) -> Tensor:
    """Return N×H×W pictures whose `missing` pixels (N×H×W bool) are imputed from the others, without noise.

    The system is solved from coarse to fine. A picture of half the size, in which a pixel is known if any of its four
    pixels is, gives the first guess of the missing pixels; sweeps of Jacobi's method then correct the detail. The
    remaining error is below the noise that ROAD adds (root mean square, in its test). A picture without known pixels
    becomes 0.
    """
    at_once = max(_CACHED // pictures[0].numel(), 1) if pictures.device.type == "cpu" else len(pictures)
    parts = zip(*(torch.split(each, at_once) for each in (pictures, missing)), strict=True)
    return torch.cat([_solve(values, (~gone).to(values.dtype)) for values, gone in parts])


def _solve(values: Tensor, known: Tensor) -> Tensor:
    """Return N×h×w values with the missing pixels solved; `known` is 1 for known pixels and 0 for missing ones."""
    height, width = values.shape[-2:]
    smallest = min(height, width) < 2 * _SMALLEST
    if smallest:
        mean = (values * known).sum((-2, -1), keepdim=True) / known.sum((-2, -1), keepdim=True).clamp(min=1)
        guess = mean.expand_as(values)
    else:
        share = F.avg_pool2d(known, 2, ceil_mode=True)
        mean = F.avg_pool2d(values * known, 2, ceil_mode=True) / share.clamp(min=1e-6)
        half = _solve(mean, (share > 0).to(values.dtype))
        guess = F.interpolate(half[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    fixed = values * known
    pull = (1 - known) / _around(torch.ones_like(values[:1]))  # fewer neighbours at the picture's edge
    filled = torch.lerp(guess, values, known)
    for _ in range(_SWEEPS_SMALLEST if smallest else _SWEEPS):
        filled = torch.addcmul(fixed, pull, _around(filled))
    return filled


def _around(values: Tensor) -> Tensor:
    """Sum the eight neighbours, with weight 2 beside and 1 diagonally: [1 2 1; 2 0 2; 1 2 1]."""
    padded = F.pad(values, (1, 1, 1, 1))
    down = torch.add(padded[:, :-2] + padded[:, 2:], padded[:, 1:-1], alpha=2)
    return torch.add(down[..., :-2] + down[..., 2:], down[..., 1:-1], alpha=2).sub_(values, alpha=4)
