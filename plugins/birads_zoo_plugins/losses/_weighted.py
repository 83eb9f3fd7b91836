"""Cross-entropy and focal loss with class weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """(logits N×K, targets N) → mean over the rows of weight · (1 − p)^gamma · −log p, p: the target's share.

    The mean divides by N, not by the sum of weights as in torch's weighted cross-entropy. So the gradient of a row does
    not depend on the other rows of its batch, and the loss over an epoch is exactly the weighted risk. Keras, and so
    the paper, does the same. Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5,
    the class weight being its α; gamma 0 is cross-entropy. Computed in float32.
    """

    weights: Tensor

    def __init__(self, weights: Sequence[float], gamma: float) -> None:
        super().__init__()
        # Known from the data, so not part of the model.
        self.register_buffer("weights", torch.tensor(weights), persistent=False)
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss as a scalar."""
        cross_entropy = F.cross_entropy(logits.float(), targets, reduction="none")
        losses = self.weights[targets] * cross_entropy
        if self.gamma:
            wrong = (1 - torch.exp(-cross_entropy)).clamp(min=1e-9)  # at 0 a power below 1 has no finite gradient
            losses = losses * wrong**self.gamma
        return losses.mean()
