"""Batches of a frozen backbone's features instead of pictures, and whether a recipe allows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from birads_zoo.data.batches import Batch, plan_epoch, plan_sizes, share
from birads_zoo.data.index.views import Samples
from birads_zoo.model.classifier import Classifier

CacheablePart = Literal["nothing", "features", "pooled"]


def cacheable_part(classifier: Classifier, augment: nn.Module) -> CacheablePart:
    """Return what is the same in every epoch for an image: its pooled features, its feature maps, or nothing."""
    if classifier.frozen != "all" or not isinstance(augment, nn.Identity):
        return "nothing"
    return "pooled" if classifier.head.pool_is_fixed else "features"


class FeatureBatches:
    """Batches of cached features, drawn by the same samplers as images.

    `features` are of P pictures, on the device. Sample i of `samples` has the class `labels[i]` and, if given, the
    lesions `lesions[i]` (S×O×H×W). The samples' picture numbers are positions in `features`. `rank` and `ranks` are as
    in `Batches`.
    """

    def __init__(
        self,
        features: Tensor,
        samples: Samples,
        labels: NDArray[np.int64],
        batch_size: int,
        sampler: str = "natural",
        lesions: NDArray[np.int8] | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._rank, self._ranks = rank, ranks
        device = features.device
        self._features, self._labels, self._batch_size, self._sampler = features, labels, batch_size, sampler
        self._samples, self._present = (torch.from_numpy(a).to(device) for a in (samples.pictures, samples.present))
        self._targets = torch.from_numpy(labels).to(device)
        self._lesions = None if lesions is None else torch.from_numpy(lesions).to(device)

    def __len__(self) -> int:
        return len(plan_sizes(len(self._labels), self._batch_size))

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield one epoch's batches; `images` holds features N×V×F or N×V×D×h×w."""
        for rows in plan_epoch(self._labels, self._batch_size, self._sampler, generator):
            chosen = torch.from_numpy(rows).to(self._features.device)
            own = chosen[share(len(rows), self._rank, self._ranks)]
            features = self._features[self._samples[own]]
            yield Batch(
                images=features if features.dim() == 3 else features.movedim(-1, 2),
                present=self._present[own],
                targets=self._targets[chosen],
                positions=chosen,
                lesions=None if self._lesions is None else self._lesions[own].float(),
            )
