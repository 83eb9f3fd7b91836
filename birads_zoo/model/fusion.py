"""Fuses the views of a sample into one vector; views may be absent.

Each module takes pooled features N×V×F and a mask N×V of the views that are present, at least one per sample. It
returns a vector N×G, which does not depend on the values of absent views, and the weights N×V of the views, `None` if
it does not weigh them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Fused = tuple[Tensor, Tensor | None]

_WIDTH = 128  # the width of the attention's hidden layer, as in the paper


class MeanFusion(nn.Module):
    """G = F: the mean over the views."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the mean of the views that are present."""
        return mean_of_present(pooled, present), None


class MaxFusion(nn.Module):
    """G = F: the largest value of each feature over the views."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the largest values of the views that are present."""
        return pooled.masked_fill(~present[..., None], -torch.inf).amax(1), None


class DifferenceFusion(nn.Module):
    """G = 2F: the first view's features, and their difference from the mean of the others.

    The first view must be present. If it is the only one the difference is 0.
    """

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the first view, and its difference from the others."""
        first, others = pooled[:, 0], present[:, 1:]
        difference = first - mean_of_present(pooled[:, 1:], others)
        return torch.cat([first, torch.where(others.any(1, keepdim=True), difference, 0)], dim=1), None


class ConcatFusion(nn.Module):
    """G = V·F: the views' features one after another, and zeros for an absent one."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return all features of a sample as one vector."""
        return torch.where(present[..., None], pooled, 0).flatten(1), None


class AttentionFusion(nn.Module):
    """G = F: a mean over the views with learnt weights, which are returned too.

    This is the gated attention of Ilse, Tomczak & Welling, "Attention-based Deep Multiple Instance Learning", ICML
    2018, eqs. 7 and 9: a_v ∝ exp(wᵀ(tanh(V h_v) ⊙ sigmoid(U h_v))), over the views that are present. w starts at 0, so
    that training starts from the mean.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.content = nn.Linear(features, _WIDTH)
        self.gate = nn.Linear(features, _WIDTH)
        self.score = nn.Linear(_WIDTH, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the weighted mean, and the weights, which are 0 for absent views and sum to 1."""
        scores = self.score(self.content(pooled).tanh() * self.gate(pooled).sigmoid())[..., 0]
        weights = scores.float().masked_fill(~present, -torch.inf).softmax(1)
        values = torch.where(present[..., None], pooled, 0)
        return (weights[..., None] * values).sum(1), weights


def mean_of_present(values: Tensor, present: Tensor) -> Tensor:
    """Return the mean N×F of N×V×F values over the views that are present; 0 if none is."""
    mask = present[..., None]
    return torch.where(mask, values, 0).sum(1) / mask.sum(1).clamp(min=1)


def build_fusion(name: str, features: int, views: int) -> tuple[nn.Module, int]:
    """Return the fusion `name` (as in `model.fusion`) for V = `views` views of F = `features` features, and its G."""
    if name == "concat":
        return ConcatFusion(), views * features
    if name == "attention":
        return AttentionFusion(features), features
    if name == "difference":
        return DifferenceFusion(), 2 * features
    return (MaxFusion() if name == "max" else MeanFusion()), features
