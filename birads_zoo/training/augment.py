"""Augments the images of a batch together with its marked lesions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from birads_zoo.data.batches import Batch


def augmented(augment: nn.Module, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Augment a batch's N×V×1×H×W images, each view independently; the N×O×H×W lesions move with the first O views.

    With an identity, as for cached features, the batch is returned unchanged.
    """
    images, lesions = batch.images, batch.lesions
    if isinstance(augment, nn.Identity):
        return images, lesions
    if lesions is None:
        result: Tensor = augment(images.flatten(0, 1))
        return result.view_as(images), None
    maps = torch.zeros_like(images)
    maps[:, : lesions.shape[1], 0] = lesions
    result = augment(torch.cat([images, maps], dim=2).flatten(0, 1)).unflatten(0, images.shape[:2])
    return result[:, :, :1], result[:, : lesions.shape[1], 1]
