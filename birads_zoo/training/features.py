"""A frozen backbone's features, computed once instead of every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from birads_zoo.data.batches import Batch, plan_epoch, plan_sizes
from birads_zoo.devices import Compute
from birads_zoo.model.classifier import Classifier
from birads_zoo.training.loop import BatchSource


def can_cache(classifier: Classifier, augment: nn.Module) -> bool:
    """Tell whether an image's pooled features are the same in every epoch: nothing before the head's norm moves."""
    return classifier.frozen == "all" and isinstance(augment, nn.Identity) and classifier.head.pool_is_fixed


@torch.no_grad()
def pooled_features(classifier: Classifier, source: BatchSource, compute: Compute) -> Tensor:
    """Return all samples' pooled features S×V×F, in order, in float32 on the device."""
    classifier.eval()
    pooled = []
    for batch in source.epoch(None):
        with compute.precision():
            pooled.append(classifier.head.pool(classifier.features(batch.images)).float())
    return torch.cat(pooled)


class FeatureBatches:
    """Batches of cached features, drawn by the same samplers as images."""

    def __init__(self, features: Tensor, labels: NDArray[np.int64], batch_size: int, sampler: str) -> None:
        self._features, self._labels, self._batch_size, self._sampler = features, labels, batch_size, sampler
        self._targets = torch.from_numpy(labels).to(features.device)

    def __len__(self) -> int:
        return len(plan_sizes(len(self._labels), self._batch_size))

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield one epoch's batches; `images` holds features S×V×F."""
        for rows in plan_epoch(self._labels, self._batch_size, self._sampler, generator):
            chosen = torch.from_numpy(rows).to(self._features.device)
            yield Batch(images=self._features[chosen], targets=self._targets[chosen], positions=chosen)
