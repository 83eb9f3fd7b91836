"""Defines the interface of a tracker, which gets a run's measurements epoch by epoch and may stop the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options


@dataclass(frozen=True, kw_only=True)
class TrackerContext:
    """The run that is tracked, and the tracker's own options.

    `folder` is the run's folder as an absolute path, and `name` the folder's name. A tracker that writes there must use
    its own file or folder.
    """

    folder: Path
    name: str
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run before its first epoch.

    - `name`: the name of the run's folder ("resnet50+no-dropout-2").
    - `run_id`: the backbone and the ablations ("resnet50+no-dropout").
    - `recipe`: all settings that affect the result, with ablations applied, in nested tables of plain values as in
      recipe.toml. `dataset.root`, `dataset.options` and `model.weights` are empty, because they may contain the user's
      file names.
    - `counts`: the usable rows of each class, in the order of `classes`: images, breasts or patients, by the target's
      level.
    - `folds`: the number of folds, which are trained one after the other.
    - `resumed`: the run continues after a stop.
    """

    name: str
    run_id: str
    folder: Path
    recipe: Mapping[str, Any]
    target: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    folds: int
    resumed: bool


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch of one fold; folds count from 0, epochs from 1.

    `train_loss` is the mean over the batches of the loss that was minimised. The `val_` figures are of the fold's
    validation rows, `None` if there are none: `val_loss` is in nats, the others are in [0, 1]. They include no test
    rows, so that runs can be chosen by them without using the test rows. `seconds` is the time of training only.
    """

    fold: int
    epoch: int
    train_loss: float
    val_loss: float | None
    val_accuracy: float | None
    val_macro_f1: float | None
    val_auroc: float | None
    learning_rate: float
    seconds: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """A complete run: its folder, and its figures by name, as PNG files.

    `figures` only has figures that show numbers, but none that show patients' pictures.
    """

    name: str
    folder: Path
    figures: Mapping[str, Path]


@dataclass(frozen=True)
class Stop:
    """The answer of `Tracker.epoch` that ends the run; `reason` is one line for the user."""

    reason: str


class Tracker(Protocol):
    """Follows one run: `started` once, `epoch` for each epoch, then either `finished` or `failed`.

    A tracker cannot harm the run. If one of its calls raises, the user is warned, and the tracker gets no further
    calls. The state of the global random generators is restored after a call, and printed text goes to stderr.

    A tracker gets only the values of these calls: no pictures, patient ids, file names of pictures or predictions of
    single images, and no part of the engine. It could read these in the run's folder; its author and its user decide
    whether it does.
    """

    def started(self, run: RunStarted) -> None:
        """Start tracking."""

    def epoch(self, record: EpochRecord) -> Stop | None:
        """Take an epoch's figures; return a `Stop` to end the run after this epoch.

        The run then ends with `RunStoppedError` when the epoch is saved, and can be resumed. Every epoch is given once,
        in order. When a run is resumed, the earlier epochs are given first, so that a tracker always gets the whole
        run. Its answers for them are ignored.
        """

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """End tracking: the run is evaluated.

        `metrics` are of the test rows, predicted out of fold: "macro_f1", its 95 % interval as "macro_f1_low" and
        "macro_f1_high", "gain_macro_f1" over the best shortcut, "n" and others. Undefined values are left out.
        """

    def failed(self, reason: str) -> None:
        """End tracking: there are no results.

        `reason` is "stopped" if a tracker ended the run, "interrupted" if the user did, and otherwise the name of the
        exception's class. The exception's text is left out, because it may contain file names.
        """


@dataclass(frozen=True, kw_only=True)
class TrackerSpec:
    """A tracker: `build(context)` returns a `Tracker` for one run.

    `requires` names the modules that it imports in addition to those of birads-zoo. `install` names the packages that
    pip has to install for them ("" if they have the modules' names). A run whose tracker lacks one of them is refused
    before it starts.
    """

    name: str
    summary: str
    build: Callable[[TrackerContext], Tracker]
    options: type[Options] = NoOptions
    requires: tuple[str, ...] = ()
    install: str = ""
