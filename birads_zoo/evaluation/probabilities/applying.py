"""What an exported model does with probabilities: recalibrates them, and scores the classes for its sets.

Needs NumPy alone, so that a prediction of one picture starts fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def recalibrated(probabilities: Floats, temperature: float, shift: Floats) -> Floats:
    """Return softmax(log p / T + shift) of probabilities (n, K): sharper for T < 1, flatter for T > 1.

    The temperature applies to the network's own probabilities, with the training's prior; the shift is added after.
    """
    logits = logarithms(probabilities) / temperature + shift
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Floats = raised / raised.sum(axis=1, keepdims=True)
    return scaled


def logarithms(probabilities: Floats) -> Floats:
    """Return log p of probabilities (n, K); for p = 0 that of the smallest normal number."""
    logits: Floats = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return logits


def nonconformity(probabilities: Floats, *, ordinal: bool) -> Floats:
    """Return the scores (n, K): the total probability of the classes that a set includes before class k.

    A set starts with the likeliest class, whose score is 0. For nominal classes the next likeliest follows (adaptive
    prediction sets without randomisation: Romano, Sesia and Candès, "Classification with Valid and Adaptive Coverage",
    NeurIPS 2020). For ordinal classes the likelier of the set's two neighbours follows, so that each set is contiguous
    (Lu, Angelopoulos and Pomerantz, "Improving Trustworthiness of AI Disease Severity Rating in Medical Imaging with
    Ordinal Conformal Prediction Sets", MICCAI 2022); at a tie, the severer neighbour.
    """
    count, classes = probabilities.shape
    every = np.arange(count)
    scores = np.zeros_like(probabilities)
    first = probabilities.argmax(axis=1)
    if not ordinal:
        order = np.argsort(-probabilities, axis=1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, axis=1)
        before = np.concatenate([np.zeros((count, 1)), np.cumsum(ranked, axis=1)[:, :-1]], axis=1)
        np.put_along_axis(scores, order, before, axis=1)
        return scores
    padded = np.pad(probabilities, ((0, 0), (1, 1)), constant_values=-1.0)  # never the likelier neighbour
    low, high, mass = first - 1, first + 1, probabilities[every, first]
    for _ in range(classes - 1):
        below, above = padded[every, low + 1], padded[every, high + 1]
        upward = above >= below
        taken = np.where(upward, high, low)
        scores[every, taken] = mass
        mass = mass + np.where(upward, above, below)
        low, high = np.where(upward, low, low - 1), np.where(upward, high + 1, high)
    return scores
