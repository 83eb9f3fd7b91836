"""Computes the metrics of `evaluation.metrics` for many weightings of the same rows at once."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_OF_CONFUSION = ("accuracy", "balanced_accuracy", "kappa_quadratic")
_MEANS = ("macro_precision", "macro_recall", "macro_f1", "weighted_precision", "weighted_recall", "weighted_f1")
_OF_CLASS = ("precision", "recall", "f1", "auroc", "pooled_auroc")


def score_names(classes: int) -> tuple[str, ...]:
    """Return the names of all metrics of `weighted_scores` for so many classes; `f1:2` is the F1 of class number 2."""
    each = [f"{name}:{k}" for k in range(classes) for name in _OF_CLASS]
    return (*_OF_CONFUSION, *_MEANS, "macro_auroc", "macro_pooled_auroc", *each)


def weighted_scores(
    labels: NDArray[np.int64],
    probabilities: Values,
    folds: NDArray[np.int64],
    weights: Values,
    ordinal: bool,
    names: Collection[str] | None = None,
) -> dict[str, Values]:
    """Return each metric (B,) under B weightings of n rows.

    A row of weight 2 counts as two rows in `evaluation.metrics.evaluate`. `labels` (n,) are in 0 … K−1; `probabilities`
    are (n, K); `folds` (n,) are the numbers of the networks that predicted the rows; `weights` (B, n) ≥ 0. `names` (see
    `score_names`) limits the metrics, which saves time if no area is among them. A value is NaN where `evaluate` has
    `None`, and where all weights are 0. Nothing loops over B: the confusion matrices are one matrix product, and the
    areas are cumulative sums over rows that are sorted once.
    """

    def cells(own: NDArray[np.int64], count: int) -> Iterator[Values]:
        in_cell = np.zeros((len(own), count))
        in_cell[np.arange(len(own)), own] = 1
        yield weights @ in_cell

    return scores_of(labels, probabilities, folds, ordinal, names, cells=cells, area=partial(area, weights=weights))


class CountCells(Protocol):
    """Counts rows by cell, under B weightings."""

    def __call__(self, cells: NDArray[np.int64], count: int, /) -> Iterator[Values]:
        """Take the cell (n,) of each row, 0 … count − 1; yield the counts (b, count), some weightings at a time."""


class MeasureArea(Protocol):
    """Computes `area`, under B weightings."""

    def __call__(self, positive: NDArray[np.bool_], scores: Values, folds: NDArray[np.int64], /) -> Values:
        """Return the areas (B,)."""


def scores_of(
    labels: NDArray[np.int64],
    probabilities: Values,
    folds: NDArray[np.int64],
    ordinal: bool,
    names: Collection[str] | None,
    *,
    cells: CountCells,
    area: MeasureArea,
) -> dict[str, Values]:
    """Return each metric (B,), from confusion matrices and areas under B weightings; see `weighted_scores`."""
    count = probabilities.shape[1]
    wanted = set(score_names(count) if names is None else names)
    if unknown := wanted - set(score_names(count)):
        raise ValueError(f"unknown metrics: {', '.join(sorted(unknown))}")
    scores: dict[str, Values] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        if any("auroc" not in name for name in wanted):
            cell = labels * count + probabilities.argmax(axis=1)
            blocks = [_of_confusion(block.reshape(-1, count, count), ordinal) for block in cells(cell, count * count)]
            scores |= {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        scores |= areas("auroc", labels, probabilities, folds, area, wanted)
        scores |= areas("pooled_auroc", labels, probabilities, np.zeros_like(folds), area, wanted)
    return {name: scores[name] for name in score_names(count) if name in wanted}


def _of_confusion(confusion: NDArray[np.float64], ordinal: bool) -> dict[str, Values]:
    total = confusion.sum(axis=(1, 2))
    support, called = confusion.sum(axis=2), confusion.sum(axis=1)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    each = {
        "precision": _share(right, called),
        "recall": _share(right, support),
        "f1": _share(2 * right, called + support),
    }
    filled = (support > 0).sum(axis=1)
    scores = {
        "accuracy": right.sum(axis=1) / total,
        "balanced_accuracy": each["recall"].sum(axis=1) / filled,  # a class without rows adds 0 to the sum
        "kappa_quadratic": _kappa(confusion, total)
        if ordinal or confusion.shape[1] == 2
        else np.full(len(total), np.nan),
    }
    for name, values in each.items():
        scores[f"macro_{name}"] = np.where(total > 0, values.mean(axis=1), np.nan)
        scores[f"weighted_{name}"] = (values * support).sum(axis=1) / total
        scores |= {f"{name}:{k}": np.where(total > 0, values[:, k], np.nan) for k in range(values.shape[1])}
    return scores


def _share(part: Values, whole: Values) -> Values:
    """Divide, with 0/0 = 0, as the metrics do."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _kappa(confusion: NDArray[np.float64], total: Values) -> Values:
    k = np.arange(confusion.shape[1])
    costs = (k[:, None] - k[None, :]) ** 2
    expected = confusion.sum(axis=2)[:, :, None] * confusion.sum(axis=1)[:, None, :] / total[:, None, None]
    by_chance = (expected * costs).sum(axis=(1, 2))
    kappa: Values = 1 - (confusion * costs).sum(axis=(1, 2)) / np.where(by_chance > 0, by_chance, np.nan)
    return kappa


def areas(
    name: str,
    labels: NDArray[np.int64],
    probabilities: Values,
    folds: NDArray[np.int64],
    area: MeasureArea,
    wanted: Collection[str],
) -> dict[str, Values]:
    """Return the areas (B,) whose names, such as "auroc:2" and "macro_auroc" for the `name` "auroc", are `wanted`."""
    count, macro = probabilities.shape[1], f"macro_{name}"
    numbers = set(range(count)) if macro in wanted else {k for k in range(count) if f"{name}:{k}" in wanted}
    if count == 2 and numbers:  # both have the same value, as in `evaluate`
        both = area(labels == 1, probabilities[:, 1], folds)
        return {f"{name}:0": both, f"{name}:1": both, macro: both}
    areas = {f"{name}:{k}": area(labels == k, probabilities[:, k], folds) for k in numbers}
    if macro in wanted:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a resample in which no class has an area
            areas[macro] = np.nanmean(list(areas.values()), axis=0)
    return areas


def area(positive: NDArray[np.bool_], scores: Values, folds: NDArray[np.int64], weights: Values) -> Values:
    """Return the weighted share (B,) of pairs within a fold whose positive row scores higher; ties count half.

    NaN where no fold has a pair: see `auroc` of `evaluation.metrics.evaluate`.
    """
    order = np.lexsort((scores, folds))
    sorted_scores, sorted_positive, fold = scores[order], positive[order], folds[order]
    new_fold = np.r_[True, fold[1:] != fold[:-1]]
    ties = np.flatnonzero(new_fold | np.r_[True, sorted_scores[1:] != sorted_scores[:-1]])
    sorted_weights = weights[:, order]
    above = np.add.reduceat(sorted_weights * sorted_positive, ties, axis=1)
    below = np.add.reduceat(sorted_weights * ~sorted_positive, ties, axis=1)
    first = np.flatnonzero(new_fold[ties])  # of each fold's ties
    before = np.cumsum(below, axis=1) - below  # all weights below, also those of other folds
    beaten = before - np.repeat(before[:, first], np.diff(np.r_[first, len(ties)]), axis=1) + below / 2
    pairs = np.add.reduceat(above, first, axis=1) * np.add.reduceat(below, first, axis=1)
    won, all_ = (above * beaten).sum(axis=1), pairs.sum(axis=1)
    share: Values = np.divide(won, all_, out=np.full_like(all_, np.nan), where=all_ > 0)
    return share
