"""A tracker: gets what a run measures, epoch by epoch, and may ask it to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options


@dataclass(frozen=True, kw_only=True)
class TrackerContext:
    """The run that is tracked, and the tracker's own options.

    `folder` is the run's, absolute, and `name` the folder's name. A tracker that writes there uses a file or a
    folder of its own.
    """

    folder: Path
    name: str
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run before its first epoch.

    `name` is that of the run's folder ("resnet50+no-dropout-2"), `run_id` the backbone and the ablations
    ("resnet50+no-dropout"). `recipe` holds everything that shapes the result, ablations applied, in nested tables of
    plain values as in recipe.toml; `dataset.root`, `dataset.options` and `model.weights` are empty, as they may name
    the user's files. `counts` are the usable rows of each class, in the order of `classes`: images, or what else the
    target's labels are of. `folds` is how many folds are trained, one after the other. `resumed` says that the run goes
    on after a stop.
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
    validation rows, `None` where it has none: `val_loss` in nats, the others in [0, 1]. No test row is in any of them,
    so that choosing between runs by them leaves the test rows unseen. `seconds` are of training alone.
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
    """A run that is whole: its folder, and its figures by name, as PNG files.

    `figures` are those that show numbers. Figures that show patients' pictures are not among them.
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

    A tracker cannot harm the run. When one of its calls raises, the user is warned, and the tracker gets no further
    calls. What it draws from the global random generators is put back, and what it prints goes to stderr.

    Only the values of these calls reach it: no pictures, patient ids, file names of pictures or predictions of single
    images, and no part of the engine. It can read all of that in the run's folder; whether to is its author's and its
    user's decision.
    """

    def started(self, run: RunStarted) -> None:
        """Begin."""

    def epoch(self, record: EpochRecord) -> Stop | None:
        """Take an epoch's figures; return a `Stop` to end the run after this epoch.

        The run then ends with `RunStoppedError` once the epoch is on the disk, and can be resumed. Every epoch comes
        once, in order. When a run is resumed, those of before come first, so that a tracker always sees the whole run;
        what it returns for them is ignored.
        """

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """End: the run is evaluated.

        `metrics` are of the test rows, predicted out of fold: "macro_f1", its 95 % interval as "macro_f1_low" and
        "macro_f1_high", "gain_macro_f1" over the best shortcut, "n" and the like. What is undefined is left out.
        """

    def failed(self, reason: str) -> None:
        """End: there are no results.

        `reason` is "stopped" when a tracker asked for it, "interrupted" when the user did, and otherwise the name of
        the exception's class, without its text, which may name files.
        """


@dataclass(frozen=True, kw_only=True)
class TrackerSpec:
    """A tracker: `build(context)` returns a `Tracker` for one run.

    `requires` names the modules that it imports beyond those of birads-zoo, and `install` what pip installs to have
    them ("" for the modules' own names): a run whose tracker lacks one of them is refused before it starts.
    """

    name: str
    summary: str
    build: Callable[[TrackerContext], Tracker]
    options: type[Options] = NoOptions
    requires: tuple[str, ...] = ()
    install: str = ""
