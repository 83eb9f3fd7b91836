"""Shortcuts on pixels that show no lesion: a thumbnail, and the picture without the breast."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import breast_region
from birads_zoo.data.splits.split import Fold
from birads_zoo.shortcuts.without_pixels import Labels, Probabilities, majority

Small = NDArray[np.float32]

SIDE = 16
"""Pixels on a thumbnail's side."""

_COPY = 64  # pixels on the side of the copy in which the breast is searched
_MARGIN = 2  # pixels of that copy that are blacked out around the breast, because the skin fades


def shrink(pictures: Sequence[GreyArray]) -> Small:
    """Average n pictures H×W to (n, 64, 64) in the same grey values."""
    small = np.empty((len(pictures), _COPY, _COPY), np.float32)
    for at, picture in enumerate(pictures):
        whole = Image.fromarray(picture.astype(np.float32) if picture.dtype == np.uint16 else np.asarray(picture))
        small[at] = np.asarray(whole.resize((_COPY, _COPY), Image.Resampling.BOX), np.float32)
    return small


def thumbnails(small: Small) -> Small:
    """Average copies (n, 64, 64) to n rows of 16×16 values."""
    step = _COPY // SIDE
    averaged: Small = small.reshape(len(small), SIDE, step, SIDE, step).mean(axis=(2, 4))
    return averaged.reshape(len(small), SIDE * SIDE)


def without_breast(small: Small) -> Small:
    """Return copies (n, 64, 64) with the breast black (its region, and what that encloses)."""
    masked = small.copy()
    for picture in masked:
        region = breast_region(picture)
        if region is None:
            continue
        breast = ndimage.binary_dilation(ndimage.binary_fill_holes(region.mask), iterations=_MARGIN)
        picture[breast] = 0
    return masked


def linear(fold: Fold, labels: Labels, classes: int, features: Small) -> Probabilities | None:
    """Return class probabilities (m, K) of a linear discriminant on `features` (n, F), with equal class weights.

    The classes are Gaussian with one covariance, shrunk by the closed formula of Ledoit & Wolf (J. Multivariate
    Analysis 88, 2004), so nothing is iterated or tuned. If all training rows are the same, or of one class, the result
    is `majority`. `None` if there are no more training rows than classes, because then no covariance can be estimated.
    """
    if len(fold.train) <= classes:
        return None
    train = features[fold.train].astype(np.float64)
    centre, spread = train.mean(axis=0), train.std(axis=0)
    varying = spread > 1e-6 * max(float(np.abs(train).max()), 1.0)
    present = np.unique(labels[fold.train])
    if not varying.any() or len(present) < 2:
        return majority(fold, labels, classes)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(len(present), 1 / len(present)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Only one sample available")  # such a class rightly adds no spread
        model.fit(((train - centre) / np.where(varying, spread, 1))[:, varying], labels[fold.train])
    test = ((features[fold.test] - centre) / np.where(varying, spread, 1))[:, varying]
    probabilities = np.zeros((len(fold.test), classes))
    if len(test):
        probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities
