"""Tell whether a shortcut works: whether it scores more than by chance, and enough more to matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.splits.split import Fold
from birads_zoo.shortcuts.fit import Climb
from birads_zoo.shortcuts.without_pixels import Labels, Probabilities

LEVEL = 0.05
"""The chance that any rung at all is flagged where none works."""

WORTH = 0.05
"""Macro-F1 above chance from which a shortcut matters: a few hundred patients show no smaller gap between networks."""

RETRAININGS = 20


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rung's macro-F1, what it gains over chance, its corrected p-value, and whether it is `flagged` as working."""

    macro_f1: float
    gain: float
    p_value: float
    flagged: bool


def judge(
    labels: Labels,
    ladder: Sequence[Climb],
    folds: Sequence[Fold],
    patients: NDArray[np.str_],
    generator: np.random.Generator,
) -> Mapping[str, Verdict]:
    """Tell for each rung above the majority that can be measured whether it is flagged.

    `labels` and `patients` (n,) are those of all rows, `ladder` is that of `ladder.ladder`. A rung is flagged if it
    gains at least 0.05 macro-F1 over chance and its p-value, corrected for the number of rungs, is at most 0.05.

    Chance is what the same rung scores, *fitted anew*, when patients exchange all of their labels (test 1 of Ojala &
    Garriga, JMLR 11, 2010), 20 times. Exchanging the labels under fixed predictions takes less time and calls 13 % of
    the linear models on pure noise significant at 5 %: folds share their training rows, so that chance agreements come
    up in several of them, and the score varies more than that tells.

    The p-value is the rank of the actual score among these 21 equals, counted against the best rung of each refit
    (Westfall and Young, "Resampling-Based Multiple Testing", 1993, single-step maxT; each rung by its distance from the
    mean of its 21 scores, since that is one scale for all and some rungs have next to no spread): the chance that any
    rung is flagged where none works is at most 1/21. It is never below 1/21, which is what 20 refits can show.

    It assumes that patients with equally many rows in the same folds are exchangeable; only those exchange, so that a
    patient's rows stay together and each fold keeps its classes. A patient who has no equal keeps hers, which makes the
    test careful rather than bold. A row without a patient id is a patient of its own. For the lookup single rows
    exchange: what it claims is that rows of a patient agree.
    """
    tested = np.concatenate([fold.test for fold in folds])
    rows = np.arange(len(labels)).astype(np.str_)
    scores: dict[str, NDArray[np.float64]] = {}  # the actual one first, then those of the refits
    for climb in ladder:
        rung = climb(labels)
        if rung.name == "majority" or rung.probabilities is None:
            continue
        units = rows if rung.name == "patient_lookup" else patients
        exchanged = [labels[order] for order in _exchanges(units, folds, RETRAININGS, generator)]
        fitted = [(other[tested], climb(other).probabilities) for other in exchanged]
        actual = _macro_f1(labels[tested], rung.probabilities)
        chance = [actual if told is None else _macro_f1(other, told) for other, told in fitted]
        scores[rung.name] = np.array([actual, *chance])
    if not scores:
        return {}
    p_values = _against_the_best(np.stack(list(scores.values())))
    verdicts = {}
    for (name, own), p_value in zip(scores.items(), p_values, strict=True):
        gain = float(own[0] - own[1:].mean())
        flagged = bool(p_value <= LEVEL and gain >= WORTH)
        verdicts[name] = Verdict(macro_f1=float(own[0]), gain=gain, p_value=float(p_value), flagged=flagged)
    return verdicts


def _against_the_best(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-values of R rungs, from their (R, 1 + refits) scores, of which the actual one is the first."""
    standing = scores - scores.mean(axis=1, keepdims=True)
    best = standing[:, 1:].max(axis=0)
    beaten: NDArray[np.int64] = (best[None] >= standing[:, :1] - 1e-9).sum(axis=1)
    p_values: NDArray[np.float64] = (1 + beaten) / scores.shape[1]
    return p_values


def _exchanges(
    units: NDArray[np.str_], folds: Sequence[Fold], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return (count, n) row numbers: whole units, exchanged at random among those with rows in the same folds."""
    place = np.full(len(units), -1)
    for fold in folds:
        place[fold.test] = fold.number
    groups = np.where(units != "", np.unique(units, return_inverse=True)[1], len(units) + np.arange(len(units)))
    order = np.lexsort((place, groups))
    blocks: dict[tuple[int, ...], list[NDArray[np.int64]]] = {}
    for block in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        blocks.setdefault(tuple(place[block]), []).append(block)
    exchanged = np.tile(np.arange(len(units)), (count, 1))
    for alike in blocks.values():
        rows = np.stack(alike)
        for number in range(count):
            exchanged[number, rows] = rows[generator.permutation(len(rows))]
    return exchanged


def _macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Return the macro-F1 of the likeliest classes of (m, K) for labels (m,); 0/0 counts as 0."""
    classes = probabilities.shape[1]
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    sums = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diag(counts) / np.maximum(sums, 1)))
