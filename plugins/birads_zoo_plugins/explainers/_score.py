"""The start and the end of every explainer: the score of a class for each image, and the heat map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from birads_zoo import Classifier


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The score of one class for each of N samples, as a function of its pictures and of its features.

    In a softmax network the score is the class's logit; for other losses see `birads_zoo.Outputs`.

    `images` are N×V×1×H×W in [0, 1], `targets` N class numbers, `present` N×V is true where there is an image. The
    methods take M changed copies of these samples, with `of`: the M numbers of the samples that were copied.
    """

    classifier: Classifier
    images: Tensor
    targets: Tensor
    present: Tensor

    def parts(self) -> list[ClassScore]:
        """Split the samples into parts that fit through the network at once, with all their views."""
        count = max(1, at_once(self.images) // self.images.shape[1])
        each = (torch.split(values, count) for values in (self.images, self.targets, self.present))
        return [
            ClassScore(classifier=self.classifier, images=images, targets=targets, present=present)
            for images, targets, present in zip(*each, strict=True)
        ]

    @cached_property
    def samples(self) -> Tensor:
        """The samples' numbers, 0 … N−1."""
        return torch.arange(len(self.images), device=self.images.device)

    @cached_property
    def features(self) -> Tensor:
        """The images' feature maps N×V×D×h×w, in float32 and without a gradient."""
        with torch.no_grad():
            return self.classifier.features(self.images).float()

    def of_images(self, images: Tensor, of: Tensor) -> Tensor:
        """M×V×1×H×W pictures → M scores."""
        return self.of_features(self.classifier.features(images).float(), of)

    def of_features(self, features: Tensor, of: Tensor) -> Tensor:
        """M×V×D×h×w feature maps → M scores."""
        return self.classifier.class_scores(features, self.present[of]).gather(1, self.targets[of][:, None])[:, 0]

    def of_view(self, pictures: Tensor, features: Tensor, view: int | Tensor, of: Tensor) -> Tensor:
        """M×1×H×W pictures that replace one view, with known features of the other views → M scores.

        `features` are M×V×D×h×w; those of `view`, one number or M of them, are replaced.
        """
        replaced = features.clone()
        replaced[torch.arange(len(features), device=features.device), view] = self.classifier.features(
            pictures[:, None]
        ).float()[:, 0]
        return self.of_features(replaced, of)

    def over_images(self, maps: Tensor) -> Tensor:
        """M×C×h×w maps at the size of the features, or of the images → M×C×H×W maps at the size of the images."""
        height, width = self.images.shape[-2:]
        return maps if maps.shape[-2:] == (height, width) else self.classifier.over_pictures(maps, height, width)

    def gradient(self) -> Tensor:
        """The scores' gradient with respect to the feature maps, N×V×D×h×w.

        No hook and no layer name is needed. It works with a frozen backbone too, because nothing is backpropagated
        through the backbone.
        """
        with torch.enable_grad():
            features = self.features.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.of_features(features, self.samples).sum(), features)
        return gradient


@dataclass(frozen=True)
class HeatMaps:
    """An explainer that draws `relevance`: N×V×h×w numbers, larger where there is more evidence for the class."""

    classifier: Classifier
    relevance: Callable[[ClassScore], Tensor]

    def __call__(self, images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1], N class numbers and N×V flags of present images → N×V×H×W heat maps in [0, 1].

        Evidence against the class counts as 0. Each map is divided by its maximum, and is not clipped or smoothed in
        any other way; a map without evidence for the class is all zero.
        """
        with torch.no_grad():
            score = ClassScore(classifier=self.classifier, images=images.detach(), targets=targets, present=present)
            maps = score.over_images(self.relevance(score).relu())
        largest = maps.amax((-2, -1), keepdim=True)
        return torch.where(largest > 0, maps / largest, 0.0)


def at_once(images: Tensor) -> int:
    """Return how many pictures of this size go through a network at once: at 224×224, 41 on a GPU and 10 on a CPU.

    More would not be faster on a core, whose caches are small, and would need more memory than some GPUs have.
    """
    return max(1, (2**21 if images.is_cuda else 2**19) // images[0, 0].numel())
