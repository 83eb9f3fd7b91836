"""How many pairs, of how many patients, an area under a ROC curve rests on, and whether they are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.pairs import Pairs

FEWEST_PATIENTS = 10
"""Patients with a positive row, and with a negative one, that an area needs.

With 10 of one kind and any number of the other, the standard error of an area of 0.80 is up to √(0.071 / 10) = 0.084
(Hanley and McNeil, Radiology 143, 1982, their Q₂ − A²): it comes out between 0.64 and 0.96, and no more can be told.
"""
FEWEST_PAIRS = FEWEST_PATIENTS**2
"""Pairs that an area needs: as many as 10 rows of either kind make in one fold. Small folds leave fewer."""


def count_pairs(positive: NDArray[np.bool_], patients: NDArray[np.str_], folds: NDArray[np.int64]) -> Pairs:
    """Return what the area of `positive` (n,) rows against the others rests on: pairs of rows of one fold.

    `folds` (n,) is the number of the network that predicted a row, or of any part within which rows are compared. A row
    without a patient id is a patient of its own. Patients of folds without a pair do not count.
    """
    _, of = np.unique(folds, return_inverse=True)
    caught, rest = np.bincount(of, positive), np.bincount(of, ~positive)
    own, compared = clusters(patients), ((caught > 0) & (rest > 0))[of]
    pairs = int((caught * rest).sum())
    held = min(len(np.unique(own[compared & kind])) for kind in (positive, ~positive))
    return Pairs(pairs=pairs, patients=held, few=pairs < FEWEST_PAIRS or held < FEWEST_PATIENTS)


def pairs_by_class(
    labels: NDArray[np.int64], patients: NDArray[np.str_], folds: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Pairs]:
    """Return what each class's area, against all other classes, rests on."""
    return {name: count_pairs(labels == k, patients, folds) for k, name in enumerate(classes)}


def fewest(each: Mapping[str, Pairs]) -> Pairs:
    """Return the least that any class's area rests on, those aside that have none: what a macro average rests on."""
    known = [one for one in each.values() if one.pairs] or [Pairs(pairs=0, patients=0, few=True)]
    return Pairs(
        pairs=min(one.pairs for one in known),
        patients=min(one.patients for one in known),
        few=any(one.few for one in known),
    )
