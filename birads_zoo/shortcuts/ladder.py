"""The shortcut ladder: how far one comes on a run's own folds without looking at the breast."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from birads_zoo.data.audit import Labelled
from birads_zoo.data.splits import Fold
from birads_zoo.randomness import sklearn_state
from birads_zoo.shortcuts.thumbnails import backgrounds, thumbnails

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Guess = Callable[[Fold], Floats]

SUMMARIES = {
    "majority": "the training rows' class shares, the same for every row",
    "patient_lookup": "the classes of the same patient's training rows; the shares of all for a patient without any",
    "metadata_tree": "a decision tree on width, height, aspect, bytes per pixel, EXIF presence and year",
    "thumbnail": "a linear model on the picture at 16×16",
    "background": "a linear model on the picture at 16×16, the breast masked out",
}
"""What each rung knows, from the least to the most."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One shortcut's probabilities (m, K) of the folds' test rows, in the order of the folds."""

    name: str
    probabilities: Floats

    @property
    def summary(self) -> str:
        """What it knows."""
        return SUMMARIES[self.name]


def climb(
    labelled: Labelled, folds: Sequence[Fold], facts: pd.DataFrame, pixels: NDArray[np.generic] | None, seed: int
) -> tuple[Rung, ...]:
    """Return the rungs, each fitted on every fold's training rows and asked about its test rows.

    `facts` are `data.facts.file_facts` of the n labelled rows; `pixels` (n, H, W) are the pictures as the network sees
    them, cropped and oriented, `None` leaves the two rungs out that need them. A rung's score is what such a shortcut
    alone would bring on these folds; a network that does no better has shown nothing about breasts. The tree and the
    linear models weigh classes equally (as macro metrics do); their settings are fixed, not tuned.
    """
    guesses = sheet_guesses(labelled, facts, seed)
    if pixels is not None:
        small = thumbnails(pixels)
        guesses["thumbnail"] = _linear(small, labelled.labels, len(labelled.classes))
        guesses["background"] = _linear(backgrounds(pixels), labelled.labels, len(labelled.classes))
    return tuple(
        Rung(name=name, probabilities=np.concatenate([guess(fold) for fold in folds]))
        for name, guess in guesses.items()
    )


def sheet_guesses(labelled: Labelled, facts: pd.DataFrame, seed: int) -> dict[str, Guess]:
    """Return the rungs that need no pixels."""
    labels, count = labelled.labels, len(labelled.classes)
    patients = labelled.index.rows["patient_id"].to_numpy(dtype=np.str_)
    width, height = facts["width"].to_numpy(float), facts["height"].to_numpy(float)
    per_pixel = facts["bytes"].to_numpy(float) / (width * height)
    exif, year = facts["exif"].to_numpy(float), facts["year"].to_numpy(float)
    known = np.column_stack([width, height, width / height, per_pixel, exif, year])

    def majority(fold: Fold) -> Floats:
        return np.tile(_shares(labels[fold.train], count), (len(fold.test), 1))

    def lookup(fold: Fold) -> Floats:
        return _looked_up(patients, labels, fold, count)

    def tree(fold: Fold) -> Floats:
        model = DecisionTreeClassifier(
            max_depth=6,
            min_samples_leaf=3,
            class_weight="balanced",
            random_state=sklearn_state(seed, "tree", fold.number),
        )
        return _fitted(model, known, labels, fold, count)

    return {"majority": majority, "patient_lookup": lookup, "metadata_tree": tree}


def _shares(labels: Rows, count: int) -> Floats:
    return np.bincount(labels, minlength=count) / len(labels)


def _looked_up(patients: NDArray[np.str_], labels: Rows, fold: Fold, count: int) -> Floats:
    """Let each patient's training rows vote; at a tie the rarest class has it, since the worst finding counts."""
    shares = _shares(labels[fold.train], count)
    votes: dict[str, Floats] = {}
    for name, label in zip(patients[fold.train], labels[fold.train], strict=True):
        if name:
            votes.setdefault(str(name), 1e-3 * (1 - shares))[label] += 1
    told = np.stack([votes.get(str(name), shares) for name in patients[fold.test]])
    return np.asarray(told / told.sum(axis=1, keepdims=True), dtype=np.float64)


def _linear(features: Floats, labels: Rows, count: int) -> Guess:
    def guess(fold: Fold) -> Floats:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=300))
        return _fitted(model, features, labels, fold, count)

    return guess


def _fitted(model: object, features: Floats, labels: Rows, fold: Fold, count: int) -> Floats:
    """Fit on the training rows and return the test rows' probabilities, 0 for classes that training lacks."""
    probabilities = np.zeros((len(fold.test), count))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a shortcut need not be the best of its kind
        model.fit(features[fold.train], labels[fold.train])  # type: ignore[attr-defined]
        probabilities[:, np.unique(labels[fold.train])] = model.predict_proba(features[fold.test])  # type: ignore[attr-defined]
    return probabilities
