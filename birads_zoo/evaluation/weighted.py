"""The metrics of many weightings of the same rows at once: what the bootstrap asks for, without a loop over resamples."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

_Many = NDArray[np.float64]

PER_CLASS = ("precision", "recall", "f1", "auroc")
OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "kappa_quadratic",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "macro_auroc",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
)
_ROWS_AT_ONCE = 4_000_000  # weights gathered at a time for the areas: 32 MB


def score_names(k: int) -> tuple[str, ...]:
    """Return the names of all scores of k classes: `OVERALL`, then each of `PER_CLASS` as "recall:2" for class 2."""
    return OVERALL + tuple(f"{score}:{number}" for score in PER_CLASS for number in range(k))


def weighted_scores(
    labels: NDArray[np.int64],
    probabilities: _Many,
    weights: _Many,
    ordinal: bool,
    names: Collection[str] | None = None,
) -> dict[str, _Many]:
    """Return (B,) of every score, or of those in `names`, for `weights` (B, n) of rows with `labels` (n,).

    `probabilities` is (n, K). With weights that count rows, each value is that of `evaluation.metrics.evaluate` on rows
    repeated so often, by the same definitions, sources and assumptions; there it is told what each estimates. Weights
    may be any numbers ≥ 0. NaN where `evaluate` has None: an area without positives or negatives, and kappa where it
    has no meaning; and everything where all weights are 0. Names: `score_names`. Time is linear in B × n.

    Raises `ValueError` for a name that is none, and for shapes that do not fit.
    """
    k = probabilities.shape[1]
    if labels.shape != (len(probabilities),) or weights.ndim != 2 or weights.shape[1] != len(labels):
        raise ValueError(f"labels {labels.shape}, probabilities {probabilities.shape}, weights {weights.shape}: no fit")
    known = score_names(k)
    wanted = tuple(known if names is None else names)
    if strange := [name for name in wanted if name not in known]:
        raise ValueError(f"no such score of {k} classes: {', '.join(strange)}")
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _from_confusion(_confusions(labels, probabilities.argmax(axis=1), weights, k), ordinal or k == 2)
        found |= _from_ranks(labels, probabilities, weights, wanted)
    return {name: found[name] for name in wanted}


def _confusions(labels: NDArray[np.int64], predicted: NDArray[np.int64], weights: _Many, k: int) -> _Many:
    """Return (B, K, K) the weight by true class and, within it, by predicted class."""
    cells = np.zeros((len(labels), k * k))
    cells[np.arange(len(labels)), labels * k + predicted] = 1
    return (weights @ cells).reshape(-1, k, k)


def _from_confusion(confusion: _Many, ordered: bool) -> dict[str, _Many]:
    k = confusion.shape[1]
    total = confusion.sum(axis=(1, 2))
    support, called = confusion.sum(axis=2), confusion.sum(axis=1)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    empty = (total == 0)[:, None]
    each = {
        "precision": _ratio(right, called, empty),
        "recall": _ratio(right, support, empty),
        "f1": _ratio(2 * right, support + called, empty),
    }
    scores = {"accuracy": right.sum(axis=1) / total}
    scores["balanced_accuracy"] = each["recall"].sum(axis=1) / (support > 0).sum(axis=1)
    distance = np.subtract.outer(np.arange(k), np.arange(k)) ** 2.0
    chance = np.einsum("bi,ij,bj->b", support, distance, called) / total
    kappa = 1 - np.einsum("bij,ij->b", confusion, distance) / chance
    scores["kappa_quadratic"] = np.where((chance > 0) & ordered, kappa, np.nan)
    for name, values in each.items():
        scores[f"macro_{name}"] = values.mean(axis=1)
        scores[f"weighted_{name}"] = (values * support).sum(axis=1) / total
        scores |= {f"{name}:{number}": values[:, number] for number in range(k)}
    return scores


def _ratio(part: _Many, whole: _Many, empty: NDArray[np.bool_]) -> _Many:
    """Divide, with 0 for 0/0 as `evaluate` has it, and NaN where there is no row at all."""
    return np.where(empty, np.nan, np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0))


def _from_ranks(
    labels: NDArray[np.int64], probabilities: _Many, weights: _Many, wanted: tuple[str, ...]
) -> Mapping[str, _Many]:
    """Areas of the classes that are wanted; two classes have one value, the second's, as in `evaluate`."""
    k = probabilities.shape[1]
    if "macro_auroc" in wanted:
        asked = set(range(k))
    else:
        asked = {int(name.split(":")[1]) for name in wanted if name.startswith("auroc:")}
    if not asked:
        return {}
    if k == 2:
        second = _areas(labels == 1, probabilities[:, 1], weights)
        return {"auroc:0": second, "auroc:1": second, "macro_auroc": second}
    areas = {f"auroc:{number}": _areas(labels == number, probabilities[:, number], weights) for number in sorted(asked)}
    if len(asked) == k:
        every = np.stack(list(areas.values()))
        defined = np.isfinite(every)
        areas["macro_auroc"] = np.where(defined, every, 0).sum(axis=0) / defined.sum(axis=0)
    return areas


def _areas(positive: NDArray[np.bool_], scores: _Many, weights: _Many) -> _Many:
    """Return (B,) the weighted Mann–Whitney area: the chance that a positive outranks a negative, ties counting half."""
    negatives, positives = np.flatnonzero(~positive), np.flatnonzero(positive)
    negatives = negatives[np.argsort(scores[negatives], kind="stable")]
    first = np.searchsorted(scores[negatives], scores[positives], side="left")
    last = np.searchsorted(scores[negatives], scores[positives], side="right")
    area = np.empty(len(weights))
    step = max(1, _ROWS_AT_ONCE // max(1, weights.shape[1]))
    for start in range(0, len(weights), step):
        part = weights[start : start + step]
        # below[b, j]: the weight of the j lowest negatives.
        below = np.zeros((len(part), len(negatives) + 1))
        np.cumsum(part[:, negatives], axis=1, out=below[:, 1:])
        heavy = part[:, positives]
        won = ((below[:, first] + below[:, last]) * heavy).sum(axis=1) / 2
        area[start : start + step] = won / (below[:, -1] * heavy.sum(axis=1))
    return area
