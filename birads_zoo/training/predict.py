"""Predicts samples with any classifier from any source of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from birads_zoo.data.batches import Batch
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import HeadOutput
from birads_zoo.training.ranks import ALONE, Ranks


class BatchSource(Protocol):
    """Batches on the compute device: shuffled and sampled by a generator, or all in order without one."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch with a generator."""

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield one epoch's batches."""


Forward = Callable[[Classifier, Tensor, Tensor], HeadOutput]
"""Takes a classifier, a batch's `images` and its `present`; returns the output of the classifier's head."""


@torch.inference_mode()
def predict(
    classifier: Classifier,
    forward: Forward,
    batches: BatchSource,
    compute: Compute,
    ranks: Ranks = ALONE,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return all samples' logits S×L (float32), targets S and view weights S×V (see `HeadOutput`), in order.

    They are on the device. The classifier is in evaluation mode afterwards.
    """
    classifier.eval()
    logits, targets, weights = [], [], []
    for batch in batches.epoch(None):
        with compute.precision():
            output = forward(classifier, batch.images, batch.present)
        count = len(batch.targets)
        logits.append(ranks.gather(output.logits.float(), count))
        targets.append(batch.targets)
        if output.view_weights is not None:
            weights.append(ranks.gather(output.view_weights, count))
    return torch.cat(logits), torch.cat(targets), torch.cat(weights) if weights else None


def check_scores(classifier: Classifier, logits: Tensor, fold: int) -> None:
    """Check that the logits S×L of rows are numbers, and so are the class scores made of them.

    Raises:
        UserError: if any is infinite or NaN. The message names the fold, whose number is `fold` (from 0).

    """
    finite = logits.isfinite().all(1) & classifier.scores(logits).isfinite().all(1)
    if not finite.all():
        raise UserError(
            f"the network of fold {fold + 1} gives infinite or NaN scores for {int((~finite).sum())} of the "
            f"{len(finite)} rows that it predicts: lower training.learning_rate, set training.clip_norm or use "
            "training.precision=float32"
        )
