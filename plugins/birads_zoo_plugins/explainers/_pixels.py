"""What every pixel adds to a class's score. All are N×V×H×W, and signed: negative where it speaks against the class.

A picture that says nothing is black, as outside the breast. So integrated gradients give a black pixel nothing, however
much its being black tells.
"""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients, Occlusion
from torch import Tensor

from birads_zoo_plugins.explainers._cam import grad_cam
from birads_zoo_plugins.explainers._guided import rectified_gradients
from birads_zoo_plugins.explainers._score import ClassScore, at_once


def integrated_gradients(score: ClassScore, steps: int) -> Tensor:
    """The gradient along the straight line from black to the picture, times the picture; all views move together.

    Source: Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, eq. 1, by captum, in so
    many Gauss-Legendre steps. The pixels' numbers add up to the score's difference from the black picture's, but for
    the steps' error.
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
    """The mean of (x + ε) ∂S(t (x + ε)) over t ~ U(0, 1) and noise ε ~ N(0, noise²), from so many draws.

    Integrated gradients by chance and smoothed: expected gradients, with black as the only reference, as no training
    pictures are at hand. Sources: Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017;
    Erion et al., "Improving performance of deep learning models with axiomatic attribution priors and expected
    gradients", Nature Machine Intelligence 2021. The noise is as in captum's `GradientShap`, which is not used itself:
    it draws from NumPy's generator, on the host and for each image anew. Here all images of a batch share the draws.
    """
    parts = score.parts()
    totals = [torch.zeros_like(part.images) for part in parts]
    device = score.images.device
    for _ in range(draws):  # drawn on the CPU: all devices draw alike
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
    """How much the score falls under a black square: the mean over all squares that cover a place.

    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, sec. 4.2, by captum.
    Their square is grey; it is black here, with edges that are as new to the network as what it hides is missing. Its
    side is an eighth of the picture's shorter one, and it moves by half of that: 225 squares on a square picture, of
    every view by itself.
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

    Source: Selvaraju et al., ICCV 2017 (see `grad_cam`). `rectified_gradients` says what guided
    means for which activations. Guided backpropagation hardly changes when the upper layers' weights are drawn anew
    (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018): the fine detail is the picture's own, and only
    the coarse map is the class's.
    """
    return torch.cat([_guided(part) for part in score.parts()]) * score.over_images(grad_cam(score).relu())


def _guided(score: ClassScore) -> Tensor:
    images = score.images.detach().requires_grad_()
    with torch.enable_grad(), rectified_gradients():
        (gradient,) = torch.autograd.grad(score.of_images(images, score.samples).sum(), images)
    return gradient[:, :, 0]
