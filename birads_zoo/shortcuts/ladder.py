"""What can be had without looking at the breast, on a run's own folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_zoo.data.audit import Labelled
from birads_zoo.data.images import Pixels
from birads_zoo.data.splits import Fold
from birads_zoo.shortcuts.pixels import linear, shrink, thumbnails, without_breast
from birads_zoo.shortcuts.rungs import (
    Rung,
    majority,
    metadata_features,
    metadata_tree,
    over_folds,
    patient_lookup,
)


def climb(
    labelled: Labelled, folds: Sequence[Fold], pixels: Pixels, facts: pd.DataFrame, seed: int
) -> tuple[Rung, ...]:
    """Return five shortcuts' predictions of every fold's test rows, each fitted to the fold's training rows alone.

    `pixels` (n, H, W), uint8 or uint16, are the n labelled rows as the network sees them; `facts` are theirs, of
    `data.facts.file_facts`. Each rung's probabilities are (m, K) for the rows
    `np.concatenate([fold.test for fold in folds])`. Validation rows are not used: there is nothing to choose.
    """
    labels = labelled.labels
    if len(pixels) != len(labels):
        raise ValueError(f"{len(pixels)} pictures for {len(labels)} labelled rows")
    small = shrink(pixels)
    seen, outside = thumbnails(small), thumbnails(without_breast(small))
    k = len(labelled.classes)
    return (
        *climb_blind(labelled, folds, facts, seed),
        over_folds("thumbnail", folds, lambda fold: linear(fold, labels, k, seen)),
        over_folds("background", folds, lambda fold: linear(fold, labels, k, outside)),
    )


def climb_blind(labelled: Labelled, folds: Sequence[Fold], facts: pd.DataFrame, seed: int) -> tuple[Rung, ...]:
    """Return the three shortcuts of `climb` that need no pixels."""
    labels, k = labelled.labels, len(labelled.classes)
    patients = labelled.index.rows["patient_id"].to_numpy(dtype=np.str_)
    features = metadata_features(facts)
    return (
        over_folds("majority", folds, lambda fold: majority(fold, labels, k)),
        over_folds("patient_lookup", folds, lambda fold: patient_lookup(fold, labels, k, patients)),
        over_folds("metadata_tree", folds, lambda fold: metadata_tree(fold, labels, k, features, seed)),
    )
