"""Removes batch norms from a classifier."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def without_batchnorm(classifier: nn.Module) -> nn.Module:
    """Replace every batch norm in `classifier`, backbone and head, by its children (in timm: the activation).

    Pretrained weights were trained with normalised activations. Without the norms their features lose their scale, and
    training has to learn it again. To ablate only the norms, use no pretrained weights in both runs.
    """
    for part in list(classifier.modules()):
        for name, child in part.named_children():
            if isinstance(child, _BatchNorm):
                setattr(part, name, nn.Sequential(*child.children()) if any(child.children()) else nn.Identity())
    return classifier
