"""Tell whether a shortcut works: whether it beats the commonest class by more than chance would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.shortcuts.rungs import Rung

LEVEL = 0.05
"""The chance that any rung at all is flagged where none works."""

PERMUTATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rung's macro-F1, its corrected p-value, and whether it is `flagged` as a shortcut that works."""

    macro_f1: float
    p_value: float
    flagged: bool


def judge(
    labels: NDArray[np.int64], rungs: Sequence[Rung], patients: NDArray[np.str_], generator: np.random.Generator
) -> Mapping[str, Verdict]:
    """Tell for each rung above the majority whether it is flagged.

    `labels` and `patients` (m,) are those of the rungs' rows, `rungs` those of `climb`, "majority" among them. A rung
    is flagged if its macro-F1 is above the majority's and its p-value, corrected for the number of rungs (Holm,
    Scandinavian Journal of Statistics 6, 1979), is at most 0.05.

    The p-value is the share of permutations, in which patients exchange all of their labels, that give the same
    predictions at least this macro-F1 (the actual one counts as one of them: Phipson & Smyth, Statistical
    Applications in Genetics and Molecular Biology 9, 2010). It tests that predictions say nothing of labels. It
    assumes that patients with equally many rows are exchangeable; only those exchange, so that rows of one patient
    stay together, and a patient whose number of rows nobody shares keeps hers, which makes the test careful rather
    than bold. A row without a patient id is a patient of its own. Trained predictions lean slightly against the test
    rows' labels (what is held out is missing in training), which makes it careful too.
    """
    classes = rungs[0].probabilities.shape[1]
    predicted = {rung.name: rung.probabilities.argmax(axis=1) for rung in rungs}
    actual = {name: float(_macro_f1(labels[None], guess, classes)[0]) for name, guess in predicted.items()}
    shuffled = labels[_exchanges(patients, PERMUTATIONS, generator)]
    p_values = {
        name: (1 + int((_macro_f1(shuffled, guess, classes) >= actual[name] - 1e-12).sum())) / (1 + PERMUTATIONS)
        for name, guess in predicted.items()
        if name != "majority"
    }
    verdicts: dict[str, Verdict] = {}
    corrected = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        corrected = max(corrected, min(1.0, p_values[name] * (len(p_values) - rank)))
        flagged = corrected <= LEVEL and actual[name] > actual["majority"]
        verdicts[name] = Verdict(macro_f1=actual[name], p_value=corrected, flagged=flagged)
    return {name: verdicts[name] for name in p_values}


def _exchanges(patients: NDArray[np.str_], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return (count, m) row numbers: whole patients, exchanged at random among those with equally many rows."""
    named = patients != ""
    groups = np.where(named, np.unique(patients, return_inverse=True)[1], len(patients) + np.arange(len(patients)))
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0])
    sizes = np.diff(np.r_[starts, len(order)])
    exchanged = np.tile(np.arange(len(patients)), (count, 1))
    for size in np.unique(sizes):
        blocks = order[starts[sizes == size][:, None] + np.arange(size)]
        for number in range(count):
            exchanged[number, blocks] = blocks[generator.permutation(len(blocks))]
    return exchanged


def _macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the macro-F1 of one prediction (m,) for each of b label vectors (b, m); 0/0 counts as 0."""
    total = np.zeros(len(labels))
    for k in range(classes):
        true, said = labels == k, predicted == k
        both = (true & said).sum(axis=1)
        total += 2 * both / np.maximum(true.sum(axis=1) + said.sum(), 1)
    return np.asarray(total / classes)
