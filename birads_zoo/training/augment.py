"""Augmentation of a batch, and of the lesions known in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from birads_zoo.data.batches import Batch


def augmented(augment: nn.Module, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Augment a batch's N×V×1×H×W images, each view by itself; the N×O×H×W lesions move with the first O of them.

    Cached features pass an identity untouched.
    """
    images, lesions = batch.images, batch.lesions
    if isinstance(augment, nn.Identity):
        return images, lesions
    if lesions is None:
        made: Tensor = augment(images.flatten(0, 1))
        return made.view_as(images), None
    maps = torch.zeros_like(images)
    maps[:, : lesions.shape[1], 0] = lesions
    made = augment(torch.cat([images, maps], dim=2).flatten(0, 1)).unflatten(0, images.shape[:2])
    return made[:, :, :1], made[:, : lesions.shape[1], 1]
