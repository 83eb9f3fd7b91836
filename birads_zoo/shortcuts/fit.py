"""Fits the shortcuts on a run's own folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from birads_zoo.data.index.audit import Labelled
from birads_zoo.data.picture import GreyArray
from birads_zoo.data.splits.split import Fold
from birads_zoo.shortcuts.pixels import linear, shrink, thumbnails, without_breast
from birads_zoo.shortcuts.without_pixels import (
    Labels,
    Shortcut,
    majority,
    metadata_features,
    metadata_tree,
    over_folds,
    patient_lookup,
)

ShortcutFitter = Callable[[Labels], Shortcut]
"""Fits a shortcut to labels (n,) of all rows and returns its predictions of the test rows."""


def fit_shortcuts(
    labelled: Labelled, folds: Sequence[Fold], pictures: Sequence[GreyArray], facts: pd.DataFrame, seed: int
) -> tuple[Shortcut, ...]:
    """Return five shortcuts' predictions of every fold's test rows, each fitted to the fold's training rows only.

    `pictures` are the n labelled rows as the network sees them, each H×W of uint8 or uint16. `facts` are the same rows'
    facts, from `data.index.facts.file_facts`. Each shortcut's probabilities are (m, K) for the rows
    `np.concatenate([fold.test for fold in folds])`. Validation rows are not used, because nothing is selected.
    """
    return tuple(fitter(labelled.labels) for fitter in shortcut_fitters(labelled, folds, pictures, facts, seed))


def fit_without_pixels(
    labelled: Labelled, folds: Sequence[Fold], facts: pd.DataFrame, seed: int
) -> tuple[Shortcut, ...]:
    """Return the three shortcuts of `fit_shortcuts` that need no pixels."""
    return tuple(fitter(labelled.labels) for fitter in fitters_no_pixels(labelled, folds, facts, seed))


def shortcut_fitters(
    labelled: Labelled, folds: Sequence[Fold], pictures: Sequence[GreyArray], facts: pd.DataFrame, seed: int
) -> tuple[ShortcutFitter, ...]:
    """Return functions that fit the five shortcuts of `fit_shortcuts` to any labels (see `permutation_test`)."""
    if len(pictures) != len(labelled.labels):
        raise ValueError(f"{len(pictures)} pictures for {len(labelled.labels)} labelled rows")
    small = shrink(pictures)
    seen, outside = thumbnails(small), thumbnails(without_breast(small))
    k = len(labelled.classes)
    return (
        *fitters_no_pixels(labelled, folds, facts, seed),
        lambda labels: over_folds("thumbnail", folds, lambda fold: linear(fold, labels, k, seen)),
        lambda labels: over_folds("background", folds, lambda fold: linear(fold, labels, k, outside)),
    )


def fitters_no_pixels(
    labelled: Labelled, folds: Sequence[Fold], facts: pd.DataFrame, seed: int
) -> tuple[ShortcutFitter, ...]:
    """Return those three of `shortcut_fitters` that need no pixels."""
    k = len(labelled.classes)
    patients = labelled.index.rows["patient_id"].to_numpy(dtype=np.str_)
    features = metadata_features(facts)
    return (
        lambda labels: over_folds("majority", folds, lambda fold: majority(fold, labels, k)),
        lambda labels: over_folds("patient_lookup", folds, lambda fold: patient_lookup(fold, labels, k, patients)),
        lambda labels: over_folds("metadata_tree", folds, lambda fold: metadata_tree(fold, labels, k, features, seed)),
    )
