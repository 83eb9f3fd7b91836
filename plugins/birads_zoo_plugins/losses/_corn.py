"""CORN: ordinal regression by the conditional probabilities of passing each class.

Source: Shi, Cao & Raschka, "Deep neural networks for rank-consistent ordinal regression based on conditional
probabilities", Pattern Analysis and Applications 26, 2023 (arXiv:2111.08851).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from birads_zoo import LossContext, Outputs, OutputsContext, UserError


def build(context: LossContext) -> CornLoss:
    """Build the loss.

    Raises:
        UserError: when the classes have no order.

    """
    if not context.ordinal:
        raise UserError(
            "the loss 'corn' needs classes in order, and this target's have none; choose an ordinal target, or another "
            "loss such as cross-entropy"
        )
    return CornLoss(context.weights)


def outputs(context: OutputsContext) -> Outputs:
    """Return K − 1 logits: each is for the probability of passing a class, given that it is reached."""
    return Outputs(
        logits=context.classes - 1,
        scores=log_probabilities,
        rule="p(y = k) = (1 − σ(z_k)) Π_{j<k} σ(z_j), with σ(z_j) = p(y > j | y ≥ j) and none beyond the last class",
    )


def log_probabilities(logits: Tensor) -> Tensor:
    """Return log p(y = k), N×K, of logits z, N×(K−1), with σ(z_k) = p(y > k | y ≥ k).

    By the chain rule p(y > k) = Π_{j≤k} σ(z_j), which falls with k for any logits (the paper's rank consistency), and
    p(y = k) = p(y > k−1) (1 − σ(z_k)); no class follows the last one.
    """
    passed = F.logsigmoid(logits).cumsum(1)
    stopped = F.logsigmoid(-logits)
    return F.pad(passed, (1, 0)) + F.pad(stopped, (0, 1))


class CornLoss(nn.Module):
    """(logits N×(K−1), targets N) → the mean over the rows of weight · −log p(y = target).

    The paper sums, over the K−1 tasks j, the cross-entropy of "y > j" on the rows with y ≥ j. For one row, the sum over
    its tasks is −log p(y) of `log_probabilities`: the loss is that model's negative log-likelihood. It differs in two
    ways from the authors' `coral_pytorch.losses.corn_loss`, which has no class weights:

    - Theirs divides by the number of rows of all tasks together, so that a row has a lower weight in a batch of high
      classes. Here the sum is divided by N, as in the other losses: a row's gradient does not depend on the rest of its
      batch, and without class weights the loss has the same unit as the validation loss, nats per image.
    - Theirs leaves out a task that no row of the batch has. Here this is not needed: such a task is in no row's sum.

    Computed in float32.
    """

    weights: Tensor

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        # Known from the data, so not part of the model.
        self.register_buffer("weights", torch.tensor(weights), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss as a scalar."""
        likelihoods = log_probabilities(logits.float()).gather(1, targets[:, None])[:, 0]
        return -(self.weights[targets] * likelihoods).mean()
