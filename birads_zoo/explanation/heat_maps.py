"""Chooses images to explain, and makes their heat maps in batches on the classifier's device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.interfaces import Explainer
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.modes import evaluating
from birads_zoo.randomness import seed_libraries


def choose_sample(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], per_class: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Choose up to `per_class` rows of every true class, from the least to the most confidently recognised.

    The rule is fixed: a class's m rows are sorted by their predicted probability of the class and cut into `per_class`
    parts of equal length. The middle row of each part is chosen (systematic sampling; Cochran, "Sampling Techniques",
    1977, ch. 8). A single row is the typical one, with the class's median probability; more rows show mistakes and
    successes in their true proportion. Ties are broken at random, so constant probabilities give a random sample.

    Args:
        labels: (n,) true classes in 0 … K−1.
        probabilities: (n, K).
        per_class: number of rows of each class; all rows are chosen of a class that has fewer.
        generator: breaks the ties.

    Returns:
        Positions in `labels`, class by class, by increasing probability of the true class.

    """
    chosen = []
    for k in range(probabilities.shape[1]):
        rows = generator.permutation(np.flatnonzero(labels == k))
        rows = rows[np.argsort(probabilities[rows, k], kind="stable")]
        count = min(per_class, len(rows))
        middles = ((np.arange(count) + 0.5) * len(rows) / max(count, 1)).astype(np.int64)
        chosen.append(rows[middles])
    return np.concatenate(chosen).astype(np.int64)


def explain_sample(
    classifier: Classifier,
    explainer: Explainer,
    images: Tensor,
    targets: Tensor,
    batch_size: int,
    *,
    present: Tensor | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Make a heat map for each view of each image, on the classifier's device, and restore the classifier.

    Its modes, gradients and `requires_grad` are restored, whatever the explainer does. The explainer has to remove its
    hooks itself.

    Args:
        classifier: explained in evaluation mode.
        explainer: built for this classifier by a registered explainer.
        images: N×V×1×H×W floats in [0, 1], N ≥ 1, on any device.
        targets: N class numbers whose evidence is shown.
        batch_size: samples explained at once.
        present: N×V bool, which of the images exist; all if not given.
        seed: seed of the global generators, set again before every batch, so that a map does not depend on its batch.

    Returns:
        N×V×H×W maps in [0, 1], 0 everywhere for a missing image.

    Raises:
        ValueError: when the explainer returns another shape, values that are not finite, or values out of range.

    """
    device = next(classifier.parameters()).device
    exists = torch.ones(images.shape[:2], dtype=torch.bool) if present is None else present
    maps = []
    _ = classifier.place  # found before an explainer has hooks on the backbone
    with _restored(classifier):
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            seed_libraries(seed, "explainer")
            inputs = [values[batch].to(device, non_blocking=True) for values in (images, targets, exists)]
            heat = explainer(*inputs).detach()
            expected = (*images[batch].shape[:2], *images.shape[-2:])
            if heat.shape != expected:
                raise ValueError(f"heat maps have the shape {tuple(heat.shape)}; expected {expected}")
            maps.append(torch.where(inputs[2][..., None, None], heat, 0))
    # The only wait for the device: nothing has been read back before.
    array: NDArray[np.float32] = torch.cat(maps).float().cpu().numpy()
    if not np.isfinite(array).all():
        raise ValueError("heat maps hold values that are not finite")
    if array.min() < -1e-4 or array.max() > 1 + 1e-4:
        raise ValueError(f"heat maps run from {array.min():.3g} to {array.max():.3g}; expected values in [0, 1]")
    return array.clip(0, 1)


@contextmanager
def _restored(classifier: Classifier) -> Iterator[None]:
    """Put the classifier in evaluation mode, and restore every mode, gradient and `requires_grad` afterwards."""
    parameters = [(parameter, parameter.grad, parameter.requires_grad) for parameter in classifier.parameters()]
    for parameter, _, _ in parameters:
        parameter.grad = None  # an explainer's backward pass would add to it in place
    try:
        with evaluating(classifier):
            yield
    finally:
        for parameter, gradient, requires_grad in parameters:
            parameter.grad = gradient
            parameter.requires_grad_(requires_grad)
