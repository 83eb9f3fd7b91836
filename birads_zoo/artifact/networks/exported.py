"""A fold's network as it is exported: a classifier that returns scores, probabilities and features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.fusion import mean_of_present

Network = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
"""Takes images N×V×1×H×W in [0, 1] and which are present, N×V bool; returns the outputs of `ExportedNetwork`.

The probabilities are the softmax of the scores. Predictions compute it again in float64, in which small probabilities
do not become 0.
"""


class ExportedNetwork(nn.Module):
    """A classifier that returns class scores, probabilities, features (see `summarised`) and its views' weights.

    The label of a sample is of its first `own` pictures.
    """

    def __init__(self, classifier: Classifier, own: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.own = own

    def forward(self, images: Tensor, present: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the scores N×K, the probabilities N×K and the features N×D of images N×V×1×H×W in [0, 1].

        If the fusion weighs views, their weights N×V come last. Without `present`, N×V, all images are present.
        """
        if present is None:
            present = torch.ones(images.shape[:2], dtype=torch.bool, device=images.device)
        maps = self.classifier.features(images)
        output = self.classifier.head.forward_details(maps, present)
        scores = self.classifier.scores(output.logits)
        features = summarised(self.classifier, maps[:, : self.own], present[:, : self.own])
        outputs = scores, scores.softmax(1), features
        return outputs if output.view_weights is None else (*outputs, output.view_weights)


def summarised(classifier: Classifier, maps: Tensor, present: Tensor) -> Tensor:
    """Return the features N×D of feature maps N×O×D×h×w of each sample's own pictures: the mean over those present.

    A picture's features are those that the head pools. They are the mean over the feature map if the head pools
    evidence of places instead, or does not pool.
    """
    pool = classifier.head.pool
    if isinstance(classifier.head.evidence, nn.Identity) and not isinstance(pool, nn.Flatten):
        return mean_of_present(pool(maps), present)
    return mean_of_present(maps.mean((-2, -1)), present)
