"""The lesion loss: compares the evidence of a feature map's places with marked lesions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_COVERED = 0.25  # the share of a place that a lesion must cover for the place to count as inside it


def lesion_loss(evidence: Tensor, lesions: Tensor, targets: Tensor) -> Tensor:
    """Return the average of the mean cross-entropy of places inside lesions and that of all other places: a scalar.

    A place that a lesion covers by at least a quarter, or more than any other place, should have the sample's class,
    and every other place the first class. Both groups have the same weight, because a lesion covers about one place in
    a hundred. Images without marks are left out. Training a whole-image classifier with marked lesions follows Shen et
    al., "Deep Learning to Improve Breast Cancer Detection on Screening Mammography", Scientific Reports 2019, which
    trains on patches first; here places and image are learnt together.

    Args:
        evidence: N×V×K×h×w logits of every place.
        lesions: N×O×H×W as drawn by `data.lesions.lesion_maps`, of each sample's first O pictures at any size.
        targets: N class numbers.

    """
    views = lesions.shape[1]
    evidence, lesions = evidence[:, :views].flatten(0, 1), lesions.flatten(0, 1)
    targets = targets.repeat_interleave(views)
    known = (lesions.amin((1, 2)) >= 0).float()[:, None, None]
    height, width = evidence.shape[-2:]
    covered = F.adaptive_avg_pool2d(lesions.clamp(min=0)[:, None], (height, width))[:, 0]
    most = covered.amax((1, 2), keepdim=True)
    inside = (covered >= _COVERED) | ((covered == most) & (most > 0))
    classes = torch.where(inside, targets[:, None, None], 0)
    losses = F.cross_entropy(evidence, classes, reduction="none")
    means = [(losses * part).sum() / part.sum().clamp(min=1) for part in (known * inside, known * ~inside)]
    return torch.stack(means).mean()
