"""Weights & Biases: configuration, curves, results and figures, by default offline in `<run>/wandb`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from birads_zoo import EpochRecord, RunFinished, RunStarted, TrackerContext
from birads_zoo_plugins.trackers._values import results, scalars, settings

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported

import wandb

_NOTHING_ELSE = {
    "silent": True,
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "host": "",
    "save_code": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
"""Settings that keep wandb from recording the host, user, command line, commit and packages."""


class Wandb:
    """Records each start of a run as one run of a project."""

    def __init__(self, context: TrackerContext) -> None:
        self._context = context

    def started(self, run: RunStarted) -> None:
        """Start a new run, also for a resumed one, because all its epochs are sent again."""
        options = self._context.options
        self._run = wandb.init(
            project=options.project,
            entity=options.entity or None,
            name=run.name,
            dir=str(run.folder),
            mode=options.mode,
            config=settings(run),
            reinit="create_new",
            settings=wandb.Settings(**_NOTHING_ELSE),
        )
        self._run.define_metric("*", step_metric="epoch")

    def epoch(self, record: EpochRecord) -> None:
        """Record an epoch's figures."""
        self._run.log({"epoch": record.epoch, **scalars(record)})

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """Record results and figures."""
        self._run.summary.update(results(metrics))
        self._run.log({f"figures/{name}": wandb.Image(str(path)) for name, path in run.figures.items()})
        self._run.finish()

    def failed(self, reason: str) -> None:
        """Record why there are no results."""
        self._run.summary["failed"] = reason
        self._run.finish(exit_code=0 if reason == "stopped" else 1)
