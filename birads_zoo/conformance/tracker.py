"""Tries trackers on two made-up runs: one finishes, the other fails."""

from __future__ import annotations

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from birads_zoo.interfaces import EpochRecord, RunFinished, RunStarted, Stop, TrackerContext, TrackerSpec
from birads_zoo.plugin.sources import missing_modules
from birads_zoo.recipe import Recipe, shaping


def try_tracker(spec: TrackerSpec) -> list[str]:
    """Make every call of a `Tracker` in the order of a run, with and without validation figures and results.

    Returns a warning when the tracker's packages are not installed, so that it was not tried.

    Raises:
        TypeError: when `epoch` returns something other than `None` or a `Stop`.
        Exception: anything that the tracker raises.

    """
    if missing := missing_modules(spec.requires):
        return [f"it was not tried, because {missing[0]} is not installed"]
    with tempfile.TemporaryDirectory() as temporary, redirect_stdout(sys.stderr):
        for name, ends_well in (("made-up", True), ("made-up-2", False)):
            folder = Path(temporary) / name
            folder.mkdir()
            tracker = spec.build(TrackerContext(folder=folder, name=name, options=spec.options()))
            tracker.started(_started(folder))
            for epoch in (1, 2):
                answer: object = tracker.epoch(_record(epoch, 0.5 if ends_well else None))
                if answer is not None and not isinstance(answer, Stop):
                    raise TypeError(f"`epoch` returned a value of type {type(answer).__name__}, not None or a Stop")
            if ends_well:
                tracker.finished(RunFinished(name=name, folder=folder, figures={}), {"macro_f1": 0.5, "n": 8.0})
            else:
                tracker.failed("interrupted")
    return []


def _started(folder: Path) -> RunStarted:
    return RunStarted(
        name=folder.name,
        run_id="made-up",
        folder=folder,
        recipe=shaping(Recipe()),
        target="made-up",
        classes=("one", "other"),
        counts=(5, 3),
        folds=1,
        resumed=False,
    )


def _record(epoch: int, figure: float | None) -> EpochRecord:
    return EpochRecord(
        fold=0,
        epoch=epoch,
        train_loss=1 / epoch,
        val_loss=figure,
        val_accuracy=figure,
        val_macro_f1=figure,
        val_auroc=figure,
        learning_rate=1e-3,
        seconds=0.25,
        images_per_second=32.0,
    )
