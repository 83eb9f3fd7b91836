"""Counts the pairs and patients that an area under a ROC curve rests on, and checks whether they are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.pairs import Pairs

FEWEST_PATIENTS = 10
"""Patients with a positive row that an area needs, and as many with a negative row.

With 10 of one kind and any number of the other, the standard error of an area of 0.80 is up to √(0.071 / 10) = 0.084
(Hanley and McNeil, Radiology 143, 1982, their Q₂ − A²). The area then comes out anywhere between 0.64 and 0.96.
"""
FEWEST_PAIRS = FEWEST_PATIENTS**2
"""Pairs that an area needs: as many as 10 positive and 10 negative rows make in one fold. Small folds have fewer."""


def count_pairs(positive: NDArray[np.bool_], patients: NDArray[np.str_], folds: NDArray[np.int64]) -> Pairs:
    """Count the pairs that the area of `positive` (n,) rows against the others rests on: pairs of rows of one fold.

    `folds` (n,) is the number of the network that predicted a row, or of any part within which rows are compared. A row
    without a patient id counts as a patient. Patients of folds without a pair do not count.
    """
    _, of = np.unique(folds, return_inverse=True)
    caught, rest = np.bincount(of, positive), np.bincount(of, ~positive)
    cluster, compared = clusters(patients), ((caught > 0) & (rest > 0))[of]
    pairs = int((caught * rest).sum())
    count = min(len(np.unique(cluster[compared & kind])) for kind in (positive, ~positive))
    return Pairs(pairs=pairs, patients=count, few=pairs < FEWEST_PAIRS or count < FEWEST_PATIENTS)


def pairs_by_class(
    labels: NDArray[np.int64], patients: NDArray[np.str_], folds: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Pairs]:
    """Count the pairs that each class's area, against all other classes, rests on."""
    return {name: count_pairs(labels == k, patients, folds) for k, name in enumerate(classes)}


def fewest(each: Mapping[str, Pairs]) -> Pairs:
    """Return the fewest pairs and patients of any class that has pairs, which is what a macro average rests on."""
    known = [basis for basis in each.values() if basis.pairs] or [Pairs(pairs=0, patients=0, few=True)]
    return Pairs(
        pairs=min(basis.pairs for basis in known),
        patients=min(basis.patients for basis in known),
        few=any(basis.few for basis in known),
    )
