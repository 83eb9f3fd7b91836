"""Cross-entropy and focal loss over weighted rows."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from birads_zoo import LossContext, UserError


def class_weights(context: LossContext) -> Tensor:
    """Return one weight a class: all 1, or balanced as n / (K · count), scikit-learn's and the paper's formula.

    K counts the classes that have training rows, so that the rows' weights average to 1. A class without any gets
    weight 0: nothing is known of it, and rows of it in a validation set shall not choose the epoch.

    Raises:
        UserError: when no class has a row.

    """
    counts = torch.tensor(context.class_counts, dtype=torch.float32)
    if not counts.sum() > 0:
        raise UserError("no class has a training row, so there is nothing to weigh; check the split and the classes")
    if not context.class_weights:
        return torch.ones_like(counts)
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0)


class FocalLoss(nn.Module):
    """(logits N×K, targets N) → mean over the rows of weight · (1 − p)^gamma · −log p, p being the target's share.

    The mean divides by N, not by the sum of weights as torch's own weighted cross-entropy does: so the gradient of a
    row does not depend on which rows share its batch, and the loss over an epoch is the weighted risk exactly (Keras,
    and so the paper, does the same). Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5,
    the class weight being its α; gamma 0 is cross-entropy. Computed in float32.
    """

    weights: Tensor

    def __init__(self, weights: Tensor, gamma: float) -> None:
        super().__init__()
        self.register_buffer("weights", weights, persistent=False)  # known from the data: no part of the model
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss as a scalar."""
        cross_entropy = F.cross_entropy(logits.float(), targets, reduction="none")
        losses = self.weights[targets] * cross_entropy
        if self.gamma:
            wrong = (1 - torch.exp(-cross_entropy)).clamp(min=1e-9)  # at 0 a power below 1 has no finite gradient
            losses = losses * wrong**self.gamma
        return losses.mean()
