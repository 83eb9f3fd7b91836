"""Which images are explained, and their heat maps, in batches on the classifier's device."""

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

    The rule leaves nothing to taste: a class's m rows are sorted by the probability that they were given for it,
    and cut into `per_class` runs of equal length, of which the middle row is taken (systematic sampling; Cochran,
    "Sampling Techniques", 1977, ch. 8). One row a class is the typical one, with the class's median probability;
    more show its mistakes and its successes in their true proportion. Ties are broken by chance, so constant
    probabilities give a random sample.

    Args:
        labels: (n,) true classes in 0 … K−1.
        probabilities: (n, K).
        per_class: rows wanted of each class; one with fewer gives them all, one without any gives none.
        generator: breaks the ties.

    Returns:
        Positions in `labels`, class by class, by rising probability of the true class.

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
    """Make a heat map for each view of each image, on the classifier's device, and leave the classifier as found.

    Its modes, gradients and `requires_grad` are put back whatever the explainer does; hooks are the explainer's duty.

    Args:
        classifier: explained in evaluation mode.
        explainer: what a registered explainer built for this classifier.
        images: N×V×1×H×W floats in [0, 1], N ≥ 1, on any device.
        targets: N class numbers whose evidence is shown.
        batch_size: samples explained at once.
        present: N×V bool, which of the images are there; without it all are.
        seed: of the global generators, set anew before every batch, so that a map does not depend on its batch.

    Returns:
        N×V×H×W maps in [0, 1], 0 everywhere for an absent image.

    Raises:
        ValueError: when the explainer returns another shape, values that are not finite, or values out of range.

    """
    device = next(classifier.parameters()).device
    there = torch.ones(images.shape[:2], dtype=torch.bool) if present is None else present
    maps = []
    with _left_as_found(classifier):
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            seed_libraries(seed, "explainer")
            own = [one[batch].to(device, non_blocking=True) for one in (images, targets, there)]
            made = explainer(*own).detach()
            wanted = (*images[batch].shape[:2], *images.shape[-2:])
            if made.shape != wanted:
                raise ValueError(f"heat maps have the shape {tuple(made.shape)}; expected {wanted}")
            maps.append(torch.where(own[2][..., None, None], made, 0))
    # One wait for the device, at the end: until here nothing was read back.
    array: NDArray[np.float32] = torch.cat(maps).float().cpu().numpy()
    if not np.isfinite(array).all():
        raise ValueError("heat maps hold values that are not finite")
    if array.min() < -1e-4 or array.max() > 1 + 1e-4:
        raise ValueError(f"heat maps run from {array.min():.3g} to {array.max():.3g}; expected values in [0, 1]")
    return array.clip(0, 1)


@contextmanager
def _left_as_found(classifier: Classifier) -> Iterator[None]:
    """Put the classifier in evaluation mode; afterwards every mode, gradient and `requires_grad` is as before."""
    parameters = [(parameter, parameter.grad, parameter.requires_grad) for parameter in classifier.parameters()]
    for parameter, _, _ in parameters:
        parameter.grad = None  # an explainer that goes backward would add to it in place
    try:
        with evaluating(classifier):
            yield
    finally:
        for parameter, gradient, requires_grad in parameters:
            parameter.grad = gradient
            parameter.requires_grad_(requires_grad)
