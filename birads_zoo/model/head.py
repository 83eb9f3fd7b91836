"""The head: pooling, view fusion, norm, dropout, hidden layer and logits. It is the same for every backbone."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from birads_zoo.interfaces import Outputs, OutputsContext, softmax_outputs
from birads_zoo.model.fusion import build_fusion

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

    p = 1 is the average, p → ∞ the maximum; values below `floor` count as `floor`. It is computed in float32, because
    powers overflow half precision. Source: Radenović, Tolias & Chum, "Fine-tuning CNN Image Retrieval with No Human
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


class Evidence(nn.Module):
    """N×V×D×h×w → N×V×K×h×w: the evidence of each place of a map, as log-odds of each class against the first.

    The features are normalised over places, images and views, without learnt scales. One linear layer, which starts at
    0, is applied to all places. The first class's log-odds are 0 by definition, which does not change a softmax. A
    place without a lesion should favour the first class. If `pool` takes the maximum, a picture is as suspicious as its
    most suspicious place (multiple-instance learning; for mammograms: Zhu et al., "Deep Multi-instance Networks with
    Sparse Label Assignment for Whole Mammogram Classification", MICCAI 2017).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.logits = nn.Conv2d(channels, classes, 1)
        for parameter in self.logits.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Return the log-odds of every place."""
        logits: Tensor = self.logits(self.norm(features.flatten(0, 1)))
        return (logits - logits[:, :1]).reshape(*features.shape[:2], *logits.shape[1:])


class ParallelLinear(nn.Module):
    """N×F → N×L: one weight vector for all L logits, and a bias for each, which starts at 0."""

    def __init__(self, features: int, logits: int) -> None:
        super().__init__()
        self.slope = nn.Linear(features, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(logits))

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.slope(features) + self.bias
        return logits


class HeadOutput(NamedTuple):
    """A head's output for N samples.

    `logits` are N×L. `evidence` N×V×C×h×w is what was pooled for them, `None` if pooled features were given.
    `view_weights` N×V say how much each view counted and sum to 1; `None` if the fusion has none (`model.fusion`).
    """

    logits: Tensor
    evidence: Tensor | None
    view_weights: Tensor | None


class Head(nn.Module):
    """Turns the feature maps of one or more views into logits.

    `evidence` turns feature maps N×V×D×h×w into N×V×C×h×w (an identity unless places are classified), `pool` turns
    these into N×V×F, `fuse` makes one vector of the views that are present (`birads_zoo.model.fusion`), and `rest`
    turns it into the logits N×L. `outputs` defines how these become the probabilities of K classes. `present` is
    always N×V, true for the views that are present; by default all are.
    """

    def __init__(
        self, evidence: nn.Module, pool: nn.Module, fuse: nn.Module, rest: nn.Module, outputs: Outputs
    ) -> None:
        super().__init__()
        self.evidence = evidence
        self.pool = pool
        self.fuse = fuse
        self.rest = rest
        self.outputs = outputs

    @property
    def pool_is_fixed(self) -> bool:
        """Whether nothing is learnt before views are fused, so that frozen features need to be pooled only once."""
        return isinstance(self.evidence, nn.Identity) and not any(True for _ in self.pool.parameters())

    def forward_pooled(self, pooled: Tensor, present: Tensor | None = None) -> HeadOutput:
        """Return the full output for pooled features N×V×F."""
        if present is None:
            present = torch.ones(pooled.shape[:2], dtype=torch.bool, device=pooled.device)
        fused, weights = self.fuse(pooled, present)
        return HeadOutput(logits=self.rest(fused), evidence=None, view_weights=weights)

    def forward_details(self, features: Tensor, present: Tensor | None = None) -> HeadOutput:
        """Return the full output for feature maps N×V×D×h×w."""
        evidence: Tensor = self.evidence(features)
        output = self.forward_pooled(self.pool(evidence), present)
        return HeadOutput(logits=output.logits, evidence=evidence, view_weights=output.view_weights)

    def forward(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the logits N×L of feature maps N×V×D×h×w."""
        return self.forward_details(features, present).logits


def build_head(
    section: ModelSection,
    channels: int,
    height: int,
    width: int,
    classes: int,
    *,
    views: int = 1,
    outputs: Outputs | None = None,
    marked: bool = False,
) -> Head:
    """Build the head that `section` describes, with the logits of a loss's `outputs`: those of a softmax by default.

    `channels`, `height` and `width` are those of the feature map; a sample has `views` of them. After pooling and view
    fusion the order is: norm, input dropout, hidden layer with ReLU, dropout, logits; parts that the section leaves out
    are not built. With `evidence` the pooled channels are the classes, and a head without a hidden layer starts as the
    sum of what was fused: the evidence of a picture (and its difference from the other view). If lesions are `marked`,
    it starts with the log of the number of places subtracted, because the lesion loss gives places with and without
    lesions the same weight (see `training.lesions`).
    """
    evidence: nn.Module = Evidence(channels, classes) if section.evidence else nn.Identity()
    channels = classes if section.evidence else channels
    count = channels * height * width if section.pooling == "flatten" else channels
    fuse, count = build_fusion(section.fusion, count, views)
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
    outputs = outputs or softmax_outputs(OutputsContext(classes=classes))
    logits = ParallelLinear(count, outputs.logits) if outputs.shared_weights else nn.Linear(count, outputs.logits)
    if isinstance(logits, nn.Linear) and section.evidence and not section.hidden and section.pooling != "flatten":
        _start_as_evidence(logits, classes, height * width if marked else 1)
    rest["logits"] = logits
    return Head(evidence, _POOLS[section.pooling](), fuse, nn.Sequential(rest), outputs)


@torch.no_grad()
def _start_as_evidence(logits: nn.Linear, classes: int, places: int) -> None:
    """Set the weights to sum what was fused, and the biases to minus the log of the number of places."""
    logits.weight.copy_(torch.eye(classes).repeat(1, logits.in_features // classes))
    logits.bias.fill_(-math.log(places))
    logits.bias[0] = 0


def _flatten() -> nn.Module:
    return nn.Flatten(start_dim=2)


_POOLS = {"avg": AveragePool, "max": MaxPool, "gem": GeneralizedMeanPool, "flatten": _flatten}
