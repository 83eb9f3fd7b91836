"""Where every explainer starts and ends: the score of a class for each image, and a heat map of what speaks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.modes import evaluating


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The score of one class for each of N samples, as a function of its pictures and of its features.

    In a softmax network the score is the class's logit; for other losses see `birads_zoo.Outputs`.

    `images` are N×V×1×H×W in [0, 1], `targets` N class numbers. Scores of further samples, such as changed copies of
    these, are asked for with their own class numbers.
    """

    classifier: Classifier
    images: Tensor
    targets: Tensor

    def parts(self) -> list[ClassScore]:
        """The same for so many of the images that all their views go through the network at once."""
        count = max(1, at_once(self.images) // self.images.shape[1])
        return [
            ClassScore(classifier=self.classifier, images=images, targets=targets)
            for images, targets in zip(torch.split(self.images, count), torch.split(self.targets, count), strict=True)
        ]

    @cached_property
    def features(self) -> Tensor:
        """The images' feature maps N×V×D×h×w, in float32 and without a gradient."""
        with torch.no_grad():
            return self.classifier.features(self.images).float()

    def of_images(self, images: Tensor, targets: Tensor) -> Tensor:
        """M×V×1×H×W pictures → M scores."""
        return self.of_features(self.classifier.features(images).float(), targets)

    def of_features(self, features: Tensor, targets: Tensor) -> Tensor:
        """M×V×D×h×w feature maps → M scores."""
        logits: Tensor = self.classifier.head(features)
        return self.classifier.scores(logits).gather(1, targets[:, None])[:, 0]

    def of_view(self, pictures: Tensor, features: Tensor, view: int | Tensor, targets: Tensor) -> Tensor:
        """M×1×H×W pictures in the place of one view, of which the others' features are known → M scores.

        `features` are M×V×D×h×w; those of `view`, one number or M of them, are replaced.
        """
        replaced = features.clone()
        replaced[torch.arange(len(features), device=features.device), view] = self.classifier.features(
            pictures[:, None]
        ).float()[:, 0]
        return self.of_features(replaced, targets)

    def over_images(self, maps: Tensor) -> Tensor:
        """M×C×h×w numbers of the features' places, or of pixels → M×C×H×W ones of the images' pixels."""
        height, width = self.images.shape[-2:]
        return maps if maps.shape[-2:] == (height, width) else self.classifier.over_pictures(maps, height, width)

    def gradient(self) -> Tensor:
        """The scores' gradient with respect to the feature maps, N×V×D×h×w.

        No hook and no layer name is needed, and a frozen backbone is as good as any: it is not gone back through.
        """
        with torch.enable_grad():
            features = self.features.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.of_features(features, self.targets).sum(), features)
        return gradient


@dataclass(frozen=True)
class HeatMaps:
    """An explainer that draws `relevance`, which gives N×V×h×w numbers, larger where more speaks for the class."""

    classifier: Classifier
    relevance: Callable[[ClassScore], Tensor]

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1].

        What speaks against the class counts as nothing. Each map is divided by its own maximum, and otherwise neither
        clipped nor smoothed; one without any evidence for the class is all zero.
        """
        with evaluating(self.classifier), torch.no_grad():
            score = ClassScore(classifier=self.classifier, images=images.detach(), targets=targets)
            maps = score.over_images(self.relevance(score).relu())
        largest = maps.amax((-2, -1), keepdim=True)
        return torch.where(largest > 0, maps / largest, 0.0)


def at_once(images: Tensor) -> int:
    """How many pictures as large as these go through a network at once: at 224×224, 41 on a GPU and 10 on a CPU.

    More gains nothing on a core, whose caches are small, and with a graph needs memory that not every GPU has.
    """
    return max(1, (2**21 if images.is_cuda else 2**19) // images[0, 0].numel())
