"""Evidence held against known lesions: which places of a feature map should speak for which class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_COVERED = 0.25  # of a place by a lesion, from which on it should show it


def lesion_loss(evidence: Tensor, lesions: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of places in lesions, and that of all others, averaged: a scalar.

    A place that a lesion covers to a quarter, or more than any other place does, should speak for the sample's class,
    and every other place for the first class. Both kinds weigh alike, since a lesion covers one place in a hundred.
    Images whose lesions nobody marked are left out. Supervision of a whole-image classifier by marked lesions follows
    Shen et al., "Deep Learning to Improve Breast Cancer Detection on Screening Mammography", Scientific Reports 2019,
    which trains on patches before; here places and image are learnt at once.

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
    wanted = torch.where(inside, targets[:, None, None], 0)
    losses = F.cross_entropy(evidence, wanted, reduction="none")
    means = [(losses * part).sum() / part.sum().clamp(min=1) for part in (known * inside, known * ~inside)]
    return torch.stack(means).mean()
