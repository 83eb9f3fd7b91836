"""Attributions of a class's score to pixels. All are N×V×H×W, and negative where a pixel is evidence against the class.

The reference picture is black, as outside the breast. Integrated gradients therefore give a black pixel 0, even where
its being black is evidence.
"""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients, Occlusion
from torch import Tensor

from birads_zoo_plugins.explainers._cam import grad_cam
from birads_zoo_plugins.explainers._guided import rectified_gradients
from birads_zoo_plugins.explainers._score import ClassScore, at_once


def integrated_gradients(score: ClassScore, steps: int) -> Tensor:
    """The gradient along the straight line from black to the picture, times the picture; all views change together.

    Source: Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, eq. 1, by captum, with
    `steps` Gauss-Legendre steps. The pixels' numbers add up to the difference between the scores of the picture and of
    a black picture, up to the error of the steps.
    """
    return torch.cat([_integrated(part, steps) for part in score.parts()])


def _integrated(score: ClassScore, steps: int) -> Tensor:
    count, views = score.images.shape[:2]
    attributed: Tensor = IntegratedGradients(score.of_images).attribute(
        score.images,
        additional_forward_args=(score.samples,),
        n_steps=steps,
        internal_batch_size=max(count, at_once(score.images) // views),
    )
    return attributed[:, :, 0]


def gradient_shap(score: ClassScore, draws: int, noise: float) -> Tensor:
    """The mean of (x + ε) ∂S(t (x + ε)) over t ~ U(0, 1) and noise ε ~ N(0, noise²), from `draws` draws.

    A random, smoothed form of integrated gradients: expected gradients, with black as the only reference, because no
    training pictures are available. Sources: Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions",
    NIPS 2017; Erion et al., "Improving performance of deep learning models with axiomatic attribution priors and
    expected gradients", Nature Machine Intelligence 2021. The noise is as in captum's `GradientShap`, which is not
    used, because it draws from NumPy's generator, on the host and for each image separately. Here all images of a batch
    share the draws.
    """
    parts = score.parts()
    totals = [torch.zeros_like(part.images) for part in parts]
    device = score.images.device
    for _ in range(draws):  # drawn on the CPU, so that all devices draw the same
        share = torch.rand(()).to(device, non_blocking=True)
        added = (noise * torch.randn(score.images.shape[1:])).to(device, non_blocking=True)
        for part, total in zip(parts, totals, strict=True):
            noisy = part.images + added
            with torch.enable_grad():
                point = (share * noisy).requires_grad_()
                (gradient,) = torch.autograd.grad(part.of_images(point, part.samples).sum(), point)
            total += noisy * gradient
    return torch.cat(totals)[:, :, 0] / draws


def occlusion(score: ClassScore) -> Tensor:
    """The fall of the score when a black square covers a place: the mean over all squares that cover it.

    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, sec. 4.2, by captum.
    Their square is grey; here it is black. Its edges are new to the network too, not only the missing pixels. Its side
    is an eighth of the picture's shorter side, and it moves by half of that: 225 squares on a square picture, for every
    view by itself.
    """
    return torch.cat([_occluded(part) for part in score.parts()])


def _occluded(score: ClassScore) -> Tensor:
    side = max(1, min(score.images.shape[-2:]) // 8)
    maps = []
    for view in range(score.images.shape[1]):

        def of_view(pictures: Tensor, features: Tensor, of: Tensor, view: int = view) -> Tensor:
            return score.of_view(pictures, features, view, of)

        fall = Occlusion(of_view).attribute(
            score.images[:, view],
            sliding_window_shapes=(1, side, side),
            strides=(1, max(1, side // 2), max(1, side // 2)),
            baselines=0.0,
            additional_forward_args=(score.features, score.samples),
            perturbations_per_eval=max(1, at_once(score.images) // len(score.images)),
        )
        maps.append(fall)
    return torch.cat(maps, dim=1)


def guided_grad_cam(score: ClassScore) -> Tensor:
    """Guided backpropagation, times the enlarged Grad-CAM.

    Source: Selvaraju et al., ICCV 2017 (see `grad_cam`). For the rule for each activation see
    `rectified_gradients`. Guided backpropagation hardly changes when the upper layers' weights are replaced by random
    weights (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018): the fine detail comes from the picture,
    and only the coarse map depends on the class.
    """
    return torch.cat([_guided(part) for part in score.parts()]) * score.over_images(grad_cam(score).relu())


def _guided(score: ClassScore) -> Tensor:
    images = score.images.detach().requires_grad_()
    with torch.enable_grad(), rectified_gradients():
        (gradient,) = torch.autograd.grad(score.of_images(images, score.samples).sum(), images)
    return gradient[:, :, 0]
