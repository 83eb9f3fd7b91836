"""The probe: measures how well a small network predicts a file's format from the stored picture."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.splits.split import make_folds
from birads_zoo.inspection.formats.traces import traces
from birads_zoo.randomness import sklearn_state
from birads_zoo.recipe import SplitSection

_SAME = 0.05  # sides that differ by less belong to one format
_COMMON = 0.05  # the share of files that makes a size common
_FOLDS = 5
_FEWEST = 2  # patients that a format needs: one to train on, one to test on
_OTHER = "other sizes"
_NETWORKS = 3  # networks with different initial weights, whose outputs are averaged


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The probe's result: `auc` is 0.5 if the network only guesses, and 1 if every picture shows its format.

    `formats` has the number of rows of each format with at least two patients. `auc` is None if there are fewer than
    two such formats.
    """

    formats: dict[str, int]
    auc: float | None


def probe(pixels: GreyArray, named: NDArray[np.str_], patients: NDArray[np.str_], seed: int) -> Probe:
    """Train a small network to predict the source format of n stored pictures (n, H, W), and test it on other patients.

    `named` (n,) are the rows' formats (see `source_formats`), "" if unknown. The network is a perceptron with one
    hidden layer on the traces that processing leaves (see `traces`), not on pixels: a few hundred pictures are too few
    to learn from pixels. The AUC is that of one format against the rest, over patients that the network never saw
    (Hanley & McNeil, Radiology 143, 1982), averaged over the formats, common or rare (Provost & Domingos, 2000).

    It assumes that patients are exchangeable between formats. If a format is also a class, as in KAUMDS, an AUC above
    0.5 may come from the disease and not from the file. So a low AUC clears a geometry, and a high one needs a closer
    look.
    """
    usable = (named != "") & (np.char.strip(patients.astype(np.str_)) != "")
    counts = pd.Series(patients[usable]).groupby(named[usable]).nunique()
    formats = tuple(counts.index[counts >= _FEWEST])
    rows = np.flatnonzero(usable & np.isin(named, formats))
    held = {format: int((named[rows] == format).sum()) for format in formats}
    if len(formats) < 2:
        return Probe(formats=held, auc=None)
    labels = np.searchsorted(np.array(formats), named[rows])
    section = SplitSection(folds=min(_FOLDS, int(counts[list(formats)].min())), validation=0)
    folds = make_folds(patients[rows], labels, formats, section, seed)
    features = traces(pixels, rows)
    probabilities = np.zeros((len(rows), len(formats)))
    for fold in folds:
        for network in range(_NETWORKS):
            state = sklearn_state(seed, "probe", fold.number, network)
            model = make_pipeline(StandardScaler(), MLPClassifier((32,), alpha=1.0, max_iter=150, random_state=state))
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", ConvergenceWarning
                )  # training stops before the network memorises the rows
                model.fit(features[fold.train], labels[fold.train])
            probabilities[fold.test] += model.predict_proba(features[fold.test])
    return Probe(
        formats=held, auc=float(np.mean([roc_auc_score(labels == k, probabilities[:, k]) for k in set(labels)]))
    )


def source_formats(facts: pd.DataFrame) -> NDArray[np.str_]:
    """Name each row's format: size, colour mode, JPEG quality and EXIF; "" for a file that cannot be read.

    A size that fewer than 5 % of the files have is one of the "other sizes": pictures cropped by hand have many sizes,
    which depend on the breast's shape. Common sizes that differ by less than 5 % on both sides count as one.
    """
    readable = facts["width"].notna().to_numpy()
    named = np.full(len(facts), "", dtype=object)
    kinds = facts[readable]
    sizes = list(zip(kinds["height"].astype(int), kinds["width"].astype(int), strict=True))
    names = _common_sizes(sizes)
    for at, size, mode, quality, exif in zip(
        np.flatnonzero(readable), sizes, kinds["mode"], kinds["quality"], kinds["exif"], strict=True
    ):
        parts = (names.get(size, _OTHER), mode, "" if np.isnan(quality) else f"q{quality:.0f}", "EXIF" if exif else "")
        named[at] = " ".join(part for part in parts if part)
    return named.astype(np.str_)


def _common_sizes(sizes: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Name the common sizes (height, width), each by the commonest size similar to it."""
    common = [(size, count) for size, count in Counter(sizes).most_common() if count >= _COMMON * len(sizes)]
    names: dict[tuple[int, int], str] = {}
    for size, _ in common:
        alike = (other for other in names if max(abs(np.log(np.divide(size, other)))) < np.log1p(_SAME))
        names[size] = next((names[other] for other in alike), f"{size[0]}×{size[1]}")
    return names
