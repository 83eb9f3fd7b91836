"""Measures how far a picture is from the training pictures in feature space, and which classes the nearest had.

The features of single training rows are not kept. An exported model has means over pictures of three patients of one
class, in random order, with the class and nothing else (microaggregation: Domingo-Ferrer and Mateo-Sanz, "Practical
Data-Oriented Microaggregation for Statistical Disclosure Control", IEEE Trans. Knowledge and Data Engineering 14, 2002;
grouped as their MDAV heuristic begins, around the row furthest from the mean). With single rows' features, anyone who
has a picture could find out for certain whether it was trained on. Groups of three make that hard, not impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.resampling import clusters

PATIENTS = 3
"""The least number of patients whose pictures are in a group."""

NEIGHBOURS = 5
"""The number k of nearest groups: the distance is that of the k-th, and the classes are those of all k."""

LEVEL = 0.99
"""The share of the validation rows that is within the limit, with equal weight for every patient."""

_QUIET = 0.1  # lowest spread, as a share of the channels' mean: else channels that hardly vary in training dominate

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """One fold's training rows as G groups: their mean features (G, D), and their classes (G,).

    Features are standardised by the `mean` and `spread` (D,) of the fold's training rows.
    """

    features: Floats
    labels: NDArray[np.int64]
    mean: Floats
    spread: Floats


def make_reference(
    features: Floats, labels: NDArray[np.int64], patients: NDArray[np.str_], generator: np.random.Generator
) -> Reference:
    """Group n ≥ 1 rows' features (n, D), class by class, around those that are furthest from the class's mean.

    Rows that are left over when fewer than `PATIENTS` patients remain are dropped, and so are classes with fewer.
    `generator` shuffles the groups. Each row without a patient id counts as a patient.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.maximum(spread, max(_QUIET * float(spread.mean()), 1e-12))
    scaled, of = (features - mean) / spread, clusters(patients)
    groups: list[Floats] = []
    classes: list[int] = []
    for label in np.unique(labels):
        left = np.flatnonzero(labels == label)
        while len(np.unique(of[left])) >= PATIENTS:
            rest = scaled[left]
            seed = int(np.square(rest - rest.mean(axis=0)).sum(axis=1).argmax())
            near = left[np.argsort(np.square(rest - rest[seed]).sum(axis=1), kind="stable")]
            _, first = np.unique(of[near], return_index=True)  # each patient's nearest row
            taken = near[np.sort(first)[:PATIENTS]]
            groups.append(scaled[taken].mean(axis=0))
            classes.append(int(label))
            left = np.setdiff1d(left, taken)
    order = generator.permutation(len(groups))
    means = np.stack(groups) if groups else np.empty((0, scaled.shape[1]), np.float32)
    return Reference(features=means[order], labels=np.array(classes, dtype=np.int64)[order], mean=mean, spread=spread)


def nearest(features: Floats, reference: Reference) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distance (n,) of n rows' features (n, D), and the classes (n, k) of their k nearest groups.

    The distance is that to the k-th nearest group (Sun, Ming, Zhu and Li, "Out-of-Distribution Detection with Deep
    Nearest Neighbors", ICML 2022, eq. 2); k is `NEIGHBOURS`, or the number of groups if that is lower. Features are
    standardised; the paper scales vectors to unit length instead, but with average-pooled features on the phantom that
    gave most photographs no warning.
    """
    count = min(NEIGHBOURS, len(reference.labels))
    if not count:
        return np.full(len(features), np.nan), np.empty((len(features), 0), np.int64)
    scaled = (features - reference.mean) / reference.spread
    lengths = np.square(scaled).sum(axis=1)[:, None] + np.square(reference.features).sum(axis=1)
    squares = np.maximum(lengths - 2 * (scaled @ reference.features.T), 0)
    order = np.argsort(squares, axis=1, kind="stable")[:, :count]
    furthest = np.take_along_axis(squares, order[:, -1:], axis=1)[:, 0]
    return np.sqrt(furthest.astype(np.float64)), reference.labels[order]


def limit_of(relative: Sequence[NDArray[np.float64]], patients: Sequence[NDArray[np.str_]]) -> float | None:
    """Return the `LEVEL` quantile of the folds' relative distances (n_f,), with equal weight for every patient.

    A fold's distances are divided by the median of its validation rows, so that folds can be pooled. With fewer than
    100 patients the quantile is near the largest distance, and more than 1 % of new pictures will exceed it. Therefore
    the share of test rows that exceed it is reported too.
    """
    values, people = np.concatenate(list(relative)), clusters(np.concatenate(list(patients)))
    if not len(values):
        return None
    weights = 1 / np.bincount(people)[people]
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order[np.flatnonzero(reached >= LEVEL - 1e-9)[0]]])
