"""Calls a plugin's module once before training, so that a broken module is reported at once, without a traceback."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def dry_run_augmentation(
    augment: nn.Module, height: int, width: int, device: torch.device, *, maps: bool = False
) -> None:
    """Augment two black images once; this draws from torch's global generator, which every epoch seeds again.

    With `maps` each image has an empty map as a second channel, as when lesions move with their picture.

    Raises:
        ValueError: if the result does not have the shape N×C×H×W of the input, or the map is no longer empty.

    """
    images = torch.zeros(2, 2 if maps else 1, height, width, device=device)
    result: object = augment(images)
    if not isinstance(result, Tensor):
        raise ValueError(f"it returned a {type(result).__name__}, not images N×1×H×W")
    if result.shape != images.shape:
        raise ValueError(
            f"images of the shape {tuple(images.shape)} became {tuple(result.shape)}: it must stay the same"
        )
    if maps and result[:, 1].any():
        raise ValueError("it changed the values of a map in the second channel, which may only move with the picture")


def dry_run_loss(criterion: nn.Module, count: int, device: torch.device) -> None:
    """Compute the loss of two equal rows of `count` logits; its value may be anything.

    Raises:
        ValueError: if the result is not a scalar tensor with a gradient.

    """
    logits = torch.zeros(2, count, device=device, requires_grad=True)
    result: object = criterion(logits, torch.zeros(2, dtype=torch.int64, device=device))
    if not isinstance(result, Tensor):
        raise ValueError(f"it returned a {type(result).__name__}, not a scalar tensor")
    if result.dim() != 0:
        raise ValueError(
            f"for logits of the shape {tuple(logits.shape)} it returned {tuple(result.shape)}, not a scalar"
        )
    if not result.requires_grad:
        raise ValueError("what it returned has no gradient with respect to the logits")
