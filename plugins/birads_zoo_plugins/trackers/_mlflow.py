"""MLflow: parameters, metrics and figures, by default in `mlflow.db` and `mlruns` beside the run's folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import filelock

from birads_zoo import EpochRecord, RunFinished, RunStarted, TrackerContext
from birads_zoo_plugins.trackers._values import results, scalars, settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

_MOST_PARAMETERS = 100  # in one call to MLflow


class MLflow:
    """Records each start of a run as one run of an experiment.

    It uses MLflow's client, which records only what it is given. `mlflow.start_run` would also record the user's name
    and the script's path.
    """

    def __init__(self, context: TrackerContext) -> None:
        parent, name = context.folder.parent, context.options.experiment
        uri = context.options.uri or os.environ.get("MLFLOW_TRACKING_URI")
        artifacts = None if uri else (parent / "mlruns").as_uri()
        with filelock.FileLock(parent / ".mlflow.lock"):  # so that two runs do not create the same files at once
            self._client = MlflowClient(uri or f"sqlite:///{parent / 'mlflow.db'}")
            known = self._client.get_experiment_by_name(name)
            self._experiment = known.experiment_id if known else self._client.create_experiment(name, artifacts)

    def started(self, run: RunStarted) -> None:
        """Start a new run, also for a resumed one, because all its epochs are sent again."""
        self._run = self._client.create_run(self._experiment, run_name=run.name).info.run_id
        parameters = [Param(name, str(value)) for name, value in settings(run).items()]
        for first in range(0, len(parameters), _MOST_PARAMETERS):
            self._client.log_batch(self._run, params=parameters[first : first + _MOST_PARAMETERS])
        self._client.log_dict(self._run, dict(run.recipe), "recipe.json")

    def epoch(self, record: EpochRecord) -> None:
        """Record an epoch's figures."""
        self._log(scalars(record), record.epoch)

    def finished(self, run: RunFinished, metrics: Mapping[str, float]) -> None:
        """Record results and figures."""
        self._log(results(metrics), 0)
        try:
            for path in run.figures.values():
                self._client.log_artifact(self._run, str(path), "figures")
        finally:
            self._client.set_terminated(self._run, "FINISHED")

    def failed(self, reason: str) -> None:
        """Record why there are no results."""
        self._client.set_tag(self._run, "failed", reason)
        self._client.set_terminated(self._run, "KILLED" if reason in ("stopped", "interrupted") else "FAILED")

    def _log(self, values: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(self._run, metrics=[Metric(name, value, now, step) for name, value in values.items()])
