"""Class activation maps between features and head, computed in the same way for every backbone.

A is an image's feature map of D channels, S the class's score, g = ∂S/∂A. The maps are N×V×h×w, and their negative
values are still there. With several views, each has its own map and weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from birads_zoo_plugins.explainers._score import ClassScore, at_once

_SQUARINGS = 16
_NUMBERS_AT_ONCE = 2**24  # of ablated copies of the features: 64 MiB


def grad_cam(score: ClassScore) -> Tensor:
    """Σ_k w_k A_k with w_k the mean of g_k over the map.

    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
    2017, eqs. 1 and 2.
    """
    return (score.gradient().mean((-2, -1), keepdim=True) * score.features).sum(2)


def grad_cam_plus_plus(score: ClassScore) -> Tensor:
    """Σ_k w_k A_k with w_k = Σ_ij α relu(g) and α = g² / (2g² + ΣA_k g³).

    Source: Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional
    Networks", WACV 2018, with its closed form for exp(S) as the score and a head of ReLUs; that form's factor exp(S) is
    left out, because it is the same for all channels. α is written as 1 / (2 + ΣA_k g), which needs no small number in
    its denominator: only positive g counts, and there g² cancels. The paper's features come from a ReLU. In other
    networks a channel may have a negative sum, which counts as 0, because otherwise the denominator could be 0.
    """
    gradient = score.gradient().relu()
    total = score.features.sum((-2, -1), keepdim=True).relu()
    weights = (gradient / (2 + total * gradient)).sum((-2, -1), keepdim=True)
    return (weights * score.features).sum(2)


def hires_cam(score: ClassScore) -> Tensor:
    """Σ_k g_k ⊙ A_k: the contribution of each place's features to a score that is linear in them.

    Source: Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks", arXiv:2011.08891, 2020.
    """
    return (score.gradient() * score.features).sum(2)


def layer_cam(score: ClassScore) -> Tensor:
    """Σ_k relu(g_k) ⊙ A_k.

    Source: Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE TIP 2021.
    """
    return (score.gradient().relu() * score.features).sum(2)


def eigen_cam(score: ClassScore) -> Tensor:
    """Project A, as a matrix of places × channels, on its first right singular vector; the class is not used.

    Source: Muhammad & Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020. As there, A is
    not centred. A singular vector has no sign: the sign is chosen so that the map's largest magnitude is positive (as
    in Chung & Ying, "Seg-Eigen-CAM", Applied Sciences 2025). For features that are never negative the whole map is then
    positive, by the Perron–Frobenius theorem; for others, such as baseline_cnn's, it can show the background.

    The vector is computed from the smaller of AAᵀ and AᵀA by repeated squaring, because torch's decompositions make the
    host wait for a GPU. This is 2^16 steps of the power method, enough to separate singular values that differ by 1 in
    10,000.
    """
    places = score.features.flatten(3).mT
    wide = places.shape[-1] > places.shape[-2]
    power = places @ places.mT if wide else places.mT @ places
    for _ in range(_SQUARINGS):
        power = power / torch.linalg.matrix_norm(power, keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
        power = power @ power
    # Now every column is the vector, up to its length: take the longest.
    largest = power.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    vector = power.take_along_dim(largest, dim=-1)
    projected = vector if wide else places @ vector
    projected = projected * projected.take_along_dim(projected.abs().argmax(-2, keepdim=True), -2).sign()
    return projected.reshape(*score.features.shape[:2], *score.features.shape[-2:])


def score_cam(score: ClassScore) -> Tensor:
    """Σ_k w_k A_k with w the softmax over channels of the score of the picture masked by A_k.

    The mask is A_k, enlarged and stretched to [0, 1]; hidden pixels are black, as outside the breast, and not the
    backbone's mean grey. A constant channel gives a black picture. Every channel of every view needs one forward pass
    of one picture.

    Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
    Workshops 2020, algorithm 1, in which the score of the black picture cancels.
    """

    def masked(n: Tensor, v: Tensor, k: Tensor) -> Tensor:
        masks = score.over_images(score.features[n, v, k][:, None])
        low, high = masks.amin((-2, -1), keepdim=True), masks.amax((-2, -1), keepdim=True)
        masks = torch.where(high > low, (masks - low) / (high - low), 0.0)
        return score.of_view(score.images[n, v] * masks, score.features[n], v, n)

    weights = _of_each_channel(score, at_once(score.images), masked).softmax(2)
    return (weights * score.features).sum(2)


def ablation_cam(score: ClassScore) -> Tensor:
    """Σ_k w_k A_k with w_k the fall of the score S when A_k is set to 0.

    Only the head is computed again, once for every channel of every view.

    Source: Desai & Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
    Localization", WACV 2020, whose weight is the fall divided by S. That factor is left out: it is the same for all
    channels, and a map divided by its maximum loses it. A negative score, however, would turn evidence for the class
    into evidence against it.
    """

    def ablated(n: Tensor, v: Tensor, k: Tensor) -> Tensor:
        features = score.features[n]
        features[torch.arange(len(n), device=n.device), v, k] = 0
        return score.of_features(features, n)

    copies = max(1, _NUMBERS_AT_ONCE // score.features[0].numel())
    unchanged = score.of_features(score.features, score.samples)[:, None, None, None, None]
    return ((unchanged - _of_each_channel(score, copies, ablated)) * score.features).sum(2)


def _of_each_channel(score: ClassScore, copies: int, changed: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Return N×V×D×1×1 scores of `changed(n, v, k)` for every sample n, view v and channel k."""
    samples, views, channels = score.features.shape[:3]
    numbers = torch.arange(samples * views * channels, device=score.features.device)
    scores = [
        changed(part // (views * channels), part // channels % views, part % channels)
        for part in torch.split(numbers, copies)
    ]
    return torch.cat(scores).reshape(samples, views, channels, 1, 1)
