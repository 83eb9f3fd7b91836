"""The types of prediction: samples as they are given, samples as they are prepared, and predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.picture import GreyArray

Picture = Path | NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """What gets one prediction: the V pictures that a model looks at, `None` for an absent one.

    The prediction is of the first `own` pictures, at least one of which is present; the others are additional views.
    `error` says why a picture is in no sample; `pictures` is empty then.
    """

    source: str
    pictures: tuple[Picture | None, ...]
    own: int = 1
    error: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A prepared sample: `pixels` V×H×W of uint8 or uint16, and which of the pictures are `present` (V,).

    An absent picture is replaced by the first that is present. `statistics` (O, 7) are those of the sample's own
    pictures (`training_range`), NaN for an absent one.
    """

    source: str
    pixels: GreyArray
    present: NDArray[np.bool_]
    statistics: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A model's prediction for one sample. If there is none, `error` says why and the rest is empty.

    Attributes:
        source: the path as it was given, "" for an array; for a sample of several pictures that of the first.
        probabilities: the mean of the networks' probabilities, by class; they sum to 1.
        calibrated: the mean of the probabilities recalibrated on validation rows, by class; they sum to 1. Empty if no
            fold had enough validation rows.
        predicted: the class with the largest of `probabilities`.
        conformal_set: the classes that are in more than half of the folds' sets (see `ensemble.vote`).
        distance: the distance from the training samples in feature space, as a multiple of the median distance of
            held-out samples; `None` if unknown.
        similar: each class's share of the nearest training pictures.
        view_weights: how much each of the model's views counted (`data.index.view_names.view_names`), 0 for an absent
            one; empty if the fusion does not weigh views.
        warnings: reasons to doubt the prediction.
        error: why the sample could not be read, or that the networks gave infinite or NaN values, else "".

    """

    source: str
    probabilities: dict[str, float] = field(default_factory=dict)
    calibrated: dict[str, float] = field(default_factory=dict)
    predicted: str = ""
    conformal_set: tuple[str, ...] = ()
    distance: float | None = None
    similar: dict[str, float] = field(default_factory=dict)
    view_weights: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""
