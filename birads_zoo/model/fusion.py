"""How one vector is made of a sample's views, whichever of them are there.

Each module takes pooled features N×V×F and a mask N×V of the views that are there, at least one in a sample. It returns
a vector N×G, in which whatever stands in the place of an absent view has no part, and the weights N×V of the views,
`None` where it has no weights of its own to tell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Fused = tuple[Tensor, Tensor | None]

_WIDTH = 128  # of the attention's hidden layer, as in the paper


class MeanFusion(nn.Module):
    """G = F: the mean over the views."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the mean of the views that are there."""
        return mean_of_present(pooled, present), None


class MaxFusion(nn.Module):
    """G = F: the largest value of each feature over the views."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the largest values of the views that are there."""
        return pooled.masked_fill(~present[..., None], -torch.inf).amax(1), None


class DifferenceFusion(nn.Module):
    """G = 2F: the first view's features, and what they have more than the mean of the others.

    The first view has to be there. Where it is the only one the difference is 0.
    """

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return the first view, and its difference from the others."""
        first, others = pooled[:, 0], present[:, 1:]
        more = first - mean_of_present(pooled[:, 1:], others)
        return torch.cat([first, torch.where(others.any(1, keepdim=True), more, 0)], dim=1), None


class ConcatFusion(nn.Module):
    """G = V·F: the views' features one after another, and zeros for an absent one."""

    def forward(self, pooled: Tensor, present: Tensor) -> Fused:
        """Return all features of a sample in a row."""
        return torch.where(present[..., None], pooled, 0).flatten(1), None


class AttentionFusion(nn.Module):
    """G = F: a mean over the views, each weighted by how much it has to say; the weights are told.

    The gated attention of Ilse, Tomczak & Welling, "Attention-based Deep Multiple Instance Learning", ICML 2018, eqs.
    7 and 9: a_v ∝ exp(wᵀ(tanh(V h_v) ⊙ sigmoid(U h_v))), over the views that are there. w starts at 0, so that training
    starts from the mean.
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
        seen = torch.where(present[..., None], pooled, 0)
        return (weights[..., None] * seen).sum(1), weights


def mean_of_present(values: Tensor, present: Tensor) -> Tensor:
    """Return the mean N×F over those of N×V×F values that are there; 0 where none is."""
    there = present[..., None]
    return torch.where(there, values, 0).sum(1) / there.sum(1).clamp(min=1)


def build_fusion(name: str, features: int, views: int) -> tuple[nn.Module, int]:
    """Return the fusion called `name` (as in `model.fusion`) of V views with F features each, and G."""
    if name == "concat":
        return ConcatFusion(), views * features
    if name == "attention":
        return AttentionFusion(features), features
    if name == "difference":
        return DifferenceFusion(), 2 * features
    return (MaxFusion() if name == "max" else MeanFusion()), features
