"""Grad-CAM at the line between features and head, the same for every backbone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.modes import evaluating


@dataclass(frozen=True)
class GradCAM:
    """Heat maps of where a class's logit grows with the features.

    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
    2017, eqs. 1 and 2. No hook and no layer name is needed, and a frozen backbone is as good as any: the gradient is
    taken with respect to the feature maps, and the backbone is not gone back through.
    """

    classifier: Classifier

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1].

        Each map is divided by its own maximum; one without any evidence for the class is all zero.
        """
        with evaluating(self.classifier):
            with torch.no_grad():
                features = self.classifier.features(images).float()
            with torch.enable_grad():
                features = features.detach().requires_grad_()
                logits = self.classifier.head(features)
                score = logits.gather(1, targets[:, None]).sum()
                (gradient,) = torch.autograd.grad(score, features)
        channel_weights = gradient.mean((-2, -1), keepdim=True)
        maps = (channel_weights * features.detach()).sum(2).relu()
        maps = F.interpolate(maps, size=images.shape[-2:], mode="bilinear", align_corners=False)
        largest = maps.amax((-2, -1), keepdim=True)
        return torch.where(largest > 0, maps / largest, 0.0)
