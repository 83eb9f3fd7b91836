"""Calls a run's trackers, and keeps their errors from harming the run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import asdict

from birads_zoo.data.prepare import Prepared
from birads_zoo.errors import RunStoppedError, warn
from birads_zoo.interfaces import EpochRecord, RunFinished, RunStarted, Stop, Tracker, TrackerContext
from birads_zoo.plugin.sources import describe
from birads_zoo.randomness import kept_state
from birads_zoo.recipe import Recipe, shaping, shareable
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.training.history import Epoch

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

_SCORES = ("n", "patients", "accuracy", "balanced_accuracy", "kappa_quadratic")


class Trackers:
    """The trackers of a run in `folder`. A tracker that fails is reported, and not called again."""

    def __init__(self, recipe: Recipe, host: Host, folder: Path) -> None:
        self._host, self._folder, self._trackers = host, folder, dict[str, Tracker]()
        for name in recipe.tracking.trackers:
            options = host.options("tracker", name, recipe.tracking.options.get(name, {}))
            with self._guarded(name, "build"):
                context = TrackerContext(folder=folder, name=folder.name, options=options)
                self._trackers[name] = host.tracker(name).build(context)

    def started(self, run: RunStarted) -> None:
        """Call the trackers' `started`."""
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name, "started"):
                tracker.started(run)

    def epoch(self, epoch: Epoch) -> RunStoppedError | None:
        """Pass an epoch to the trackers; return the error that ends the run if one of them returns a `Stop`."""
        record = EpochRecord(**asdict(epoch))
        stopped = None
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name, "epoch"):
                result: object = tracker.epoch(record)
                if isinstance(result, Stop):
                    reason = " ".join(str(result.reason).split())
                    stopped = stopped or RunStoppedError(name, reason, self._folder, epoch.fold, epoch.epoch)
                elif result is not None:
                    raise TypeError(f"it returned a value of type {type(result).__name__}, not None or a Stop")
        return stopped

    def finished(self, metrics: RunMetrics, figures: Mapping[str, Path]) -> None:
        """Call the trackers' `finished` with the main metrics, and the figures that show no patients' pictures."""
        run = RunFinished(name=self._folder.name, folder=self._folder, figures=figures)
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name, "finished"):
                tracker.finished(run, headline(metrics))

    def failed(self, error: BaseException) -> None:
        """Call the trackers' `failed`, without results."""
        reasons = {RunStoppedError: "stopped", KeyboardInterrupt: "interrupted"}
        reason = reasons.get(type(error), type(error).__name__)
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name, "failed"):
                tracker.failed(reason)

    @contextmanager
    def _guarded(self, name: str, call: str) -> Iterator[None]:
        """Keep the run as it is, whatever the tracker does in the block, and drop a tracker that fails."""
        try:
            with kept_state(), redirect_stdout(sys.stderr):  # stdout is for results: `--json`
                yield
        except (Exception, SystemExit) as error:
            self._trackers.pop(name, None)
            plugin = self._host.registered("tracker", name).plugin
            reason = describe(error, plugin)
            message = f"tracker {name!r} (plugin {plugin}) failed in `{call}`, and the run goes on without it: {reason}"
            warn(message)


@contextmanager
def tracked(recipe: Recipe, host: Host, data: Prepared, folder: Path, *, resumed: bool) -> Iterator[Trackers]:
    """Start the recipe's trackers on the run in `folder`, and yield them; if the block fails, call their `failed`.

    `recipe` has its ablations applied.
    """
    trackers = Trackers(recipe, host, folder.absolute())
    counts = np.bincount(data.labelled.labels, minlength=len(data.labelled.classes))
    trackers.started(
        RunStarted(
            name=folder.name,
            run_id=recipe.run_id,
            folder=folder.absolute(),
            recipe=shaping(shareable(recipe)),
            target=data.labelled.target.name,
            classes=data.labelled.classes,
            counts=tuple(int(count) for count in counts),
            folds=len(data.folds),
            resumed=resumed,
        )
    )
    try:
        yield trackers
    except BaseException as error:
        trackers.failed(error)
        raise


def headline(metrics: RunMetrics) -> dict[str, float]:
    """Return the main figures of metrics.json by flat names, without those that are undefined.

    They are `accuracy`, `balanced_accuracy`, `kappa_quadratic`, `macro_…` and `weighted_…`, `gain_macro_f1` and
    `gain_macro_auroc` (over the best shortcut), `n` images and `patients`. Names with `_low` and `_high` are the ends
    of 95 % intervals.
    """
    figures: dict[str, float | None] = {name: getattr(metrics, name) for name in _SCORES}
    figures |= {f"macro_{name}": value for name, value in asdict(metrics.macro).items()}
    figures |= {f"weighted_{name}": value for name, value in asdict(metrics.weighted).items()}
    for name, ends in metrics.intervals.scores.items():
        if name in figures and ends is not None:
            figures[f"{name}_low"], figures[f"{name}_high"] = ends
    for score, gain in (("macro_f1", metrics.gain.macro_f1), ("macro_auroc", metrics.gain.macro_auroc)):
        if gain is not None:
            figures[f"gain_{score}"] = gain.value
            figures |= {f"gain_{score}_low": gain.low, f"gain_{score}_high": gain.high}
    return {name: float(value) for name, value in figures.items() if value is not None}
