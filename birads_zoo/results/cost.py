"""Defines the content of `cost.json`: what a run cost."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a run; `None` for an unknown value.

    `peak_memory`, `energy` and `seconds` are of the process that finished the run. A resumed run has neither `energy`
    nor `seconds`, because those of its first part are unknown.
    """

    FORMAT: ClassVar[int] = 1

    parameters: int
    trainable: int  # of the parameters
    flops: int | None  # of one sample's forward pass
    train_rate: float  # images/s: the median epoch of all folds, data and augmentation included
    predict_rate: float  # images/s, data included
    peak_memory: int | None  # bytes, on the device that computed
    energy: float | None  # joules of all folds, training and prediction
    seconds: float | None  # of all folds, training and prediction
