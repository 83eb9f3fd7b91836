"""What a model predicts: samples as they are given, as they are prepared, and the predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.picture import GreyArray

Picture = Path | NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """What gets one prediction: the V pictures that a model looks at, `None` where one is not there.

    The first `own` of them are what is judged, one of these at least is there; the others are looked at beside them.
    `error` says why a picture is in no sample; there are no pictures then.
    """

    source: str
    pictures: tuple[Picture | None, ...]
    own: int = 1
    error: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A prepared sample: `pixels` V×H×W of uint8 or uint16, and `present` (V,), which of them are there.

    In place of an absent picture stands the first that is there. `statistics` (`training_range`) are those of the own
    pictures (O, 7), NaN for an absent one.
    """

    source: str
    pixels: GreyArray
    present: NDArray[np.bool_]
    statistics: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of one sample. Where `error` says why it could not be read, the rest is empty.

    `source` is the path as it was given, "" for an array, and for a sample of several pictures that of the first.
    `probabilities` are the networks' own, by class, `calibrated` those recalibrated on validation rows, empty where no
    fold had enough of them; both are means over the folds and sum to 1. `predicted` is the class of the largest of
    `probabilities`. `conformal_set` holds the classes that more than half of the folds' sets hold (see `vote`).
    `distance` is how far the sample is from the training's in feature space, 1 being the median of held-out ones,
    `None` where that is unknown. `similar` has the classes' shares of the nearest training pictures. `view_weights` say
    how much each of the model's views counted (`data.index.views.view_names`), 0 for an absent one; empty where its
    fusion does not weigh them. `warnings` are reasons to believe none of this.
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
