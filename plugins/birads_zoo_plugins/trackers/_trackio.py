"""Trackio: configuration, curves and results, by default in its own database on this machine (`trackio show`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import trackio
from huggingface_hub import constants

from birads_zoo import EpochRecord, RunFinished, RunStarted, TrackerContext
from birads_zoo_plugins.trackers._values import results, scalars, settings


class Trackio:
    """Records each start of a run as one run of a project."""

    def __init__(self, context: TrackerContext) -> None:
        self._options = context.options

    def started(self, run: RunStarted) -> None:
        """Start a new run, also for a resumed one, because all its epochs are sent again."""
        space = self._options.space or os.environ.get("TRACKIO_SPACE_ID")
        remote = space or os.environ.get("TRACKIO_SERVER_URL")
        with _hub(online=bool(remote)):
            self._run = trackio.init(
                project=self._options.project,
                name=run.name,
                space_id=space,
                config=dict(settings(run)),
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )

    def epoch(self, record: EpochRecord) -> None:
        """Record an epoch's figures."""
        self._run.log({"epoch": record.epoch, **scalars(record)})

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """Record the results."""
        self._end(results(metrics))

    def failed(self, reason: str) -> None:
        """Record why there are no results."""
        self._end({"failed": reason})

    def _end(self, values: Mapping[str, float | str]) -> None:
        self._run.log(dict(values))
        trackio.finish()  # not `self._run.finish()`: it would finish again at exit, and print it to stdout


@contextmanager
def _hub(*, online: bool) -> Iterator[None]:
    """Keep Trackio from asking the Hugging Face Hub who is logged in, which it also does for local runs."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not online
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
