"""One call of a plugin's module before training, so that a broken one is named at once and not by a traceback."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def dry_run_augmentation(
    augment: nn.Module, height: int, width: int, device: torch.device, *, maps: bool = False
) -> None:
    """Augment two black images once; draws from torch's global generator, which every epoch seeds anew.

    With `maps` each has an empty map beside it, as where lesions move with their picture.

    Raises:
        ValueError: when what it returns is not of the shape N×C×H×W that it was given, or the map is no longer empty.

    """
    images = torch.zeros(2, 2 if maps else 1, height, width, device=device)
    made: object = augment(images)
    if not isinstance(made, Tensor):
        raise ValueError(f"it returned a {type(made).__name__}, not images N×1×H×W")
    if made.shape != images.shape:
        raise ValueError(f"images of the shape {tuple(images.shape)} became {tuple(made.shape)}: it must stay the same")
    if maps and made[:, 1].any():
        raise ValueError("it changed the values of a map in the second channel, which may only move with the picture")


def dry_run_loss(criterion: nn.Module, count: int, device: torch.device) -> None:
    """Take the loss of two equal rows of `count` logits; its value may be anything.

    Raises:
        ValueError: when what it returns is no scalar tensor through which gradients flow.

    """
    logits = torch.zeros(2, count, device=device, requires_grad=True)
    made: object = criterion(logits, torch.zeros(2, dtype=torch.int64, device=device))
    if not isinstance(made, Tensor):
        raise ValueError(f"it returned a {type(made).__name__}, not a scalar tensor")
    if made.dim() != 0:
        raise ValueError(f"for logits of the shape {tuple(logits.shape)} it returned {tuple(made.shape)}, not a scalar")
    if not made.requires_grad:
        raise ValueError("what it returned has no gradient with respect to the logits")
