"""The head: pooling, view fusion, norm, dropout, hidden layer, logits. The engine owns it for every backbone."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from birads_zoo.recipe import ModelSection


class AveragePool(nn.Module):
    """N×V×D×h×w → N×V×D: the mean over the map."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the mean of each channel."""
        return features.mean((-2, -1))


class MaxPool(nn.Module):
    """N×V×D×h×w → N×V×D: the largest value of the map."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the largest value of each channel."""
        return features.amax((-2, -1))


class GeneralizedMeanPool(nn.Module):
    """N×V×D×h×w → N×V×D: (mean of x^p)^(1/p) with a learnt p, for non-negative features.

    p = 1 is the average, p → ∞ the maximum; values below `floor` count as `floor`. Computed in float32, since powers
    overflow half precision. Source: Radenović, Tolias & Chum, "Fine-tuning CNN Image Retrieval with No Human
    Annotation", TPAMI 2018, eq. 3, whose initial p = 3 is the default.
    """

    def __init__(self, power: float = 3.0, floor: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor([power]))
        self.floor = floor

    def forward(self, features: Tensor) -> Tensor:
        """Return the generalised mean of each channel."""
        powers = features.float().clamp(min=self.floor) ** self.power
        return powers.mean((-2, -1)) ** (1 / self.power)


class MeanFusion(nn.Module):
    """N×V×F → N×F: the mean over the views."""

    def forward(self, pooled: Tensor) -> Tensor:
        """Return the mean of the views."""
        return pooled.mean(1)


class DifferenceFusion(nn.Module):
    """N×V×F → N×2F: the first view's features, and what they have more than the mean of the others."""

    def forward(self, pooled: Tensor) -> Tensor:
        """Return the first view, and its difference from the others."""
        first = pooled[:, 0]
        return torch.cat([first, first - pooled[:, 1:].mean(1)], dim=1)


class Head(nn.Module):
    """Turns the feature maps of one or more views into logits.

    `pool` takes N×V×D×h×w to N×V×F, `fuse` makes one vector of the views, and `rest` takes it to the logits N×K.
    """

    def __init__(self, pool: nn.Module, fuse: nn.Module, rest: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.fuse = fuse
        self.rest = rest

    @property
    def pool_is_fixed(self) -> bool:
        """Whether pooling learns nothing, so that a frozen backbone's pooled features can be computed once."""
        return not any(True for _ in self.pool.parameters())

    def classify(self, pooled: Tensor) -> Tensor:
        """Return the logits N×K of pooled features N×V×F."""
        logits: Tensor = self.rest(self.fuse(pooled))
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits N×K of feature maps N×V×D×h×w."""
        return self.classify(self.pool(features))


def build_head(section: ModelSection, channels: int, height: int, width: int, classes: int) -> Head:
    """Build the head that `section` asks for.

    `channels`, `height` and `width` are those of the feature map. After pooling and view fusion the order is: norm,
    input dropout, hidden layer with ReLU, dropout, logits; what the section leaves out is not there at all.
    """
    count = channels * height * width if section.pooling == "flatten" else channels
    if section.fusion == "difference":
        count *= 2
    rest: OrderedDict[str, nn.Module] = OrderedDict()
    if section.norm == "batch":
        rest["norm"] = nn.BatchNorm1d(count)
    elif section.norm == "layer":
        rest["norm"] = nn.LayerNorm(count)
    if section.input_dropout:
        rest["input_dropout"] = nn.Dropout(section.input_dropout)
    if section.hidden:
        rest["hidden"] = nn.Linear(count, section.hidden)
        rest["activation"] = nn.ReLU()
        count = section.hidden
    if section.dropout:
        rest["dropout"] = nn.Dropout(section.dropout)
    rest["logits"] = nn.Linear(count, classes)
    return Head(_POOLS[section.pooling](), _FUSIONS[section.fusion](), nn.Sequential(rest))


def _flatten() -> nn.Module:
    return nn.Flatten(start_dim=2)


_POOLS = {"avg": AveragePool, "max": MaxPool, "gem": GeneralizedMeanPool, "flatten": _flatten}
_FUSIONS = {"mean": MeanFusion, "difference": DifferenceFusion}
