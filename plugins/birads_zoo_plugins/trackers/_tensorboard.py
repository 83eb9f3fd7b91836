"""TensorBoard: scalars, hyperparameters and figures as event files in `<run>/tensorboard`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from birads_zoo import EpochRecord, RunFinished, RunStarted, TrackerContext
from birads_zoo_plugins.trackers._values import results, scalars, settings


class TensorBoard:
    """Writes one log per run. A resumed run's log is written again, because all its epochs are sent again."""

    def __init__(self, context: TrackerContext) -> None:
        self._folder = context.folder / "tensorboard"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._writer = SummaryWriter(str(self._folder))

    def started(self, run: RunStarted) -> None:
        """Keep the settings, because TensorBoard takes them together with the results."""
        self._settings = settings(run)

    def epoch(self, record: EpochRecord) -> None:
        """Write an epoch's figures and flush them."""
        for name, value in scalars(record).items():
            self._writer.add_scalar(name, value, record.epoch)
        self._writer.flush()

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """Write settings, results and figures."""
        self._writer.add_hparams(self._settings, results(metrics), run_name=".")
        for name, path in run.figures.items():
            with Image.open(path) as image:
                self._writer.add_image(f"figures/{name}", np.asarray(image.convert("RGB")), dataformats="HWC")
        self._writer.close()

    def failed(self, reason: str) -> None:
        """Write why there are no results."""
        self._writer.add_text("failed", reason)
        self._writer.close()
