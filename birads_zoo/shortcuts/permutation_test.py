"""Tests whether a shortcut works: whether it scores higher than chance, and by enough to matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.splits.split import Fold
from birads_zoo.shortcuts.fit import ShortcutFitter
from birads_zoo.shortcuts.without_pixels import Labels, Probabilities

LEVEL = 0.05
"""The chance that any shortcut is flagged where none works."""

WORTH = 0.05
"""Macro-F1 above chance from which a shortcut matters: a few hundred patients show no smaller gap between networks."""

RETRAININGS = 20


@dataclass(frozen=True, kw_only=True)
class ShortcutTest:
    """A shortcut's macro-F1, its gain over chance, its corrected p-value, and whether it is `flagged` as working."""

    macro_f1: float
    gain: float
    p_value: float
    flagged: bool


def permutation_tests(
    labels: Labels,
    fitters: Sequence[ShortcutFitter],
    folds: Sequence[Fold],
    patients: NDArray[np.str_],
    generator: np.random.Generator,
) -> Mapping[str, ShortcutTest]:
    """Test each shortcut except the majority; shortcuts that cannot be measured are left out.

    `labels` and `patients` (n,) are those of all rows, `fitters` are from `fit.shortcut_fitters`. A shortcut is flagged
    if it gains at least 0.05 macro-F1 over chance and its p-value, corrected for the number of shortcuts, is at most
    0.05.

    Chance is the score of the same shortcut when it is *fitted again*, 20 times, after patients have exchanged all of
    their labels (test 1 of Ojala & Garriga, JMLR 11, 2010). Exchanging the labels under fixed predictions is faster,
    but calls 13 % of the linear models on pure noise significant at 5 %: folds share training rows, so chance
    agreements appear in several of them, and the score varies more than such a test assumes.

    The p-value is the rank of the actual score among these 21, compared with the best shortcut of each refit (Westfall
    and Young, "Resampling-Based Multiple Testing", 1993, single-step maxT). Each shortcut counts by its distance from
    the mean of its 21 scores, because that is one scale for all and some shortcuts have almost no spread. The chance
    that any shortcut is flagged where none works is at most 1/21. No p-value is below 1/21, which is what 20 refits can
    show.

    The test assumes that patients with equally many rows in the same folds are exchangeable. Only these exchange their
    labels, so a patient's rows stay together and each fold keeps its classes. A patient without such a partner keeps
    her labels, which makes the test conservative. A row without a patient id counts as a patient. For the lookup,
    single rows exchange their labels, because the lookup claims that rows of one patient agree.
    """
    tested = np.concatenate([fold.test for fold in folds])
    rows = np.arange(len(labels)).astype(np.str_)
    scores: dict[str, NDArray[np.float64]] = {}  # the actual score first, then those of the refits
    for fit in fitters:
        shortcut = fit(labels)
        if shortcut.name == "majority" or shortcut.probabilities is None:
            continue
        units = rows if shortcut.name == "patient_lookup" else patients
        exchanged = [labels[order] for order in _exchanges(units, folds, RETRAININGS, generator)]
        fitted = [(other[tested], fit(other).probabilities) for other in exchanged]
        actual = _macro_f1(labels[tested], shortcut.probabilities)
        chance = [actual if predicted is None else _macro_f1(other, predicted) for other, predicted in fitted]
        scores[shortcut.name] = np.array([actual, *chance])
    if not scores:
        return {}
    p_values = _against_the_best(np.stack(list(scores.values())))
    tests = {}
    for (name, values), p_value in zip(scores.items(), p_values, strict=True):
        gain = float(values[0] - values[1:].mean())
        flagged = bool(p_value <= LEVEL and gain >= WORTH)
        tests[name] = ShortcutTest(macro_f1=float(values[0]), gain=gain, p_value=float(p_value), flagged=flagged)
    return tests


def _against_the_best(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-values of R shortcuts, from their scores (R, 1 + refits), of which the actual score is the first."""
    distance = scores - scores.mean(axis=1, keepdims=True)
    best = distance[:, 1:].max(axis=0)
    beaten: NDArray[np.int64] = (best[None] >= distance[:, :1] - 1e-9).sum(axis=1)
    p_values: NDArray[np.float64] = (1 + beaten) / scores.shape[1]
    return p_values


def _exchanges(
    units: NDArray[np.str_], folds: Sequence[Fold], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return row numbers (count, n): whole units, exchanged at random with others that have rows in the same folds."""
    place = np.full(len(units), -1)
    for fold in folds:
        place[fold.test] = fold.number
    groups = np.where(units != "", np.unique(units, return_inverse=True)[1], len(units) + np.arange(len(units)))
    order = np.lexsort((place, groups))
    blocks: dict[tuple[int, ...], list[NDArray[np.int64]]] = {}
    for block in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        blocks.setdefault(tuple(place[block]), []).append(block)
    exchanged = np.tile(np.arange(len(units)), (count, 1))
    for exchangeable in blocks.values():
        rows = np.stack(exchangeable)
        for number in range(count):
            exchanged[number, rows] = rows[generator.permutation(len(rows))]
    return exchanged


def _macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Return the macro-F1 of the likeliest classes of `probabilities` (m, K) for `labels` (m,); 0/0 counts as 0."""
    classes = probabilities.shape[1]
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    sums = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diag(counts) / np.maximum(sums, 1)))
