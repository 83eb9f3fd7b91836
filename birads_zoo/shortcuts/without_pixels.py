"""Shortcuts that need no pixels: the commonest class, the patient's id, and the file's metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from birads_zoo.data.splits.split import Fold
from birads_zoo.randomness import sklearn_state

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]

SUMMARIES = {
    "majority": "the commonest class of the training rows",
    "patient_lookup": "a table from patient id to class",
    "metadata_tree": "a tree on the file's size, shape, bytes, colour, quality, EXIF and year",
    "thumbnail": "a linear model on 16×16 pixels",
    "background": "a linear model on 16×16 pixels with the breast blacked out",
}

_LEAF = 5  # fewest training rows in a leaf: a leaf of one would memorise rows, and a shortcut should be a rule
_LEAVES = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Shortcut:
    """One shortcut's `probabilities` (m, K) for the m test rows of all folds, fold after fold.

    `None` where a fold has too few training rows to fit the shortcut, which then cannot be measured.
    """

    name: str
    summary: str
    probabilities: Probabilities | None


def over_folds(name: str, folds: Sequence[Fold], predict: Callable[[Fold], Probabilities | None]) -> Shortcut:
    """Return a shortcut from its predictions of each fold's test rows."""
    by_fold = [predict(fold) for fold in folds]
    known = [probabilities for probabilities in by_fold if probabilities is not None]
    return Shortcut(
        name=name,
        summary=SUMMARIES[name],
        probabilities=np.concatenate(known) if len(known) == len(by_fold) else None,
    )


def majority(fold: Fold, labels: Labels, classes: int) -> Probabilities:
    """Return the training rows' class frequencies (m, K), the same for each of the fold's m test rows.

    The predicted class is the commonest one, as for a model that has learnt only the prevalence.
    """
    return np.tile(_frequencies(labels[fold.train], classes), (len(fold.test), 1))


def patient_lookup(fold: Fold, labels: Labels, classes: int, patients: NDArray[np.str_]) -> Probabilities:
    """Return how often each test row's patient has each class among the training rows, (m, K).

    A patient with several classes gets the commonest of them. At a tie she gets the class that is rarer overall, which
    is worth more in a macro mean. A patient unseen in training, or without an id, gets the class frequencies, as in
    `majority`. So both score the same under a split by patient.
    """
    prior = _frequencies(labels[fold.train], classes)
    known, place = np.unique(patients[fold.train], return_inverse=True)
    counts = np.zeros((len(known) + 1, classes))  # the last row is for all other patients
    np.add.at(counts, (place, labels[fold.train]), 1)
    counts[:-1][known == ""] = 0
    at = np.minimum(np.searchsorted(known, patients[fold.test]), len(known) - 1)
    counted = counts[np.where(known[at] == patients[fold.test], at, -1)]
    total = counted.sum(axis=1, keepdims=True)
    # Smaller than any difference of counts, so it only decides ties.
    weights = np.where(counted > 0, counted + 1e-3 * (1 - prior), 0)
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return np.where(total > 0, shares, prior)


def metadata_tree(fold: Fold, labels: Labels, classes: int, features: NDArray[np.float64], seed: int) -> Probabilities:
    """Return class probabilities (m, K) of a CART tree on `features` (n, F) (see `metadata_features`).

    The tree has at most 16 leaves of at least 5 training rows, and equal class weights (Breiman et al., "Classification
    and Regression Trees", 1984). Without any feature the result is `majority`.
    """
    if not features.shape[1]:
        return majority(fold, labels, classes)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_LEAF,
        class_weight="balanced",
        random_state=sklearn_state(seed, "metadata_tree", fold.number),
    )
    tree.fit(features[fold.train], labels[fold.train])
    probabilities = np.zeros((len(fold.test), classes))
    probabilities[:, tree.classes_] = tree.predict_proba(features[fold.test])
    return probabilities


def metadata_features(facts: pd.DataFrame) -> NDArray[np.float64]:
    """Return the tree's features (n, F) of the rows of `data.index.facts.file_facts`.

    They are width, height, aspect (width by height), bytes per pixel, colour or grey, JPEG quality (0 for other
    formats), EXIF presence, year, and for each source (scanner, site) whether a picture is from it. A fact that is
    unknown for more than half of the rows is left out. Other unknown values are replaced by the median, so that a
    missing file is not itself a feature.
    """
    file_known = facts["width"].notna()
    columns: dict[str, Any] = {
        "width": facts["width"],
        "height": facts["height"],
        "aspect": facts["width"] / facts["height"],
        "bytes per pixel": facts["bytes"] / (facts["width"] * facts["height"]),
        "colour": facts["mode"].isin(("RGB", "RGBA", "P", "CMYK", "YCbCr")).astype(float).where(file_known),
        "quality": facts["quality"].fillna(0).where(file_known),
        "exif": facts["exif"].astype(float).where(file_known),
        "year": facts["year"],
    }
    known_source = facts["source"] != ""
    for source in sorted(facts["source"][known_source].unique()):
        columns[f"source {source}"] = (facts["source"] == source).astype(float).where(known_source)
    table = pd.DataFrame(columns)
    known = table.loc[:, table.notna().mean() >= 0.5]
    return known.fillna(known.median()).to_numpy(np.float64)


def _frequencies(labels: Labels, classes: int) -> Probabilities:
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    return np.asarray(counts / counts.sum())
