"""Executes the runs of a study as an array of SLURM jobs, which submitit submits."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from birads_zoo.errors import UserError, warn
from birads_zoo.progress import Screen
from birads_zoo.study.executors.clusters.remote import Requests, attempt_of, lost
from birads_zoo.study.executors.clusters.slurm_job import SlurmJob
from birads_zoo.study.executors.clusters.slurm_options import slurm_parameters
from birads_zoo.study.executors.messages import Warned, decode
from birads_zoo.study.executors.processes import checked
from birads_zoo.study.executors.tasks import Attempt, Task, Tasks

FOLDER = "slurm"
"""The folder in that of the study where submitit keeps scripts, logs and pickles of the jobs."""

_PAUSE = 1.0  # seconds between two looks for results
_REQUEUES = 1000  # of a job whose time is up: each goes on from the run's checkpoint
_MOST_AT_ONCE = 10_000  # SLURM's own limits are lower


@dataclass(frozen=True, kw_only=True)
class Slurm:
    """Executes each task as a job of an array, with `parameters` of submitit, at most `at_once` at a time.

    All tasks are submitted at once. After a failure, the jobs of tasks that are no longer needed are cancelled.
    """

    at_once: int | None
    parameters: Mapping[str, Any]
    plugins: Sequence[Path] = ()

    def execute(self, tasks: Tasks, screen: Screen) -> Generator[Attempt, None, None]:
        """Yield each task when it was executed."""
        waiting = self._submit(list(iter(tasks.take, None)))
        try:
            while waiting:
                for task, job in [*waiting]:
                    if not tasks.needs(task):
                        waiting.remove((task, job))
                        job.cancel(check=False)
                    elif job.done():
                        waiting.remove((task, job))
                        yield _attempt(task, job)
                time.sleep(_PAUSE if waiting else 0)
        finally:
            for _, job in waiting:
                job.cancel(check=False)

    def _submit(self, tasks: Sequence[Task]) -> list[tuple[Task, Any]]:
        """Submit an array of jobs; return the tasks, each with its job."""
        if not tasks:
            return []
        submitit = _imported()
        folder = tasks[0].study.absolute() / FOLDER
        try:
            executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=_REQUEUES)
            executor.update_parameters(
                name=f"birads-zoo-{tasks[0].study.absolute().name}",
                slurm_array_parallelism=self.at_once or _MOST_AT_ONCE,
                **{f"slurm_{name}": value for name, value in self.parameters.items()},
            )
            requests = Requests(self.plugins, self.parameters["cpus_per_task"])
            with executor.batch():
                jobs = [executor.submit(SlurmJob(requests.of(task).encode())) for task in tasks]
        except (RuntimeError, OSError) as error:
            raise UserError(f"cannot submit jobs to SLURM: {' '.join(str(error).split())}") from error
        return [*zip(tasks, jobs, strict=True)]


def submitting(jobs: int | str, device: str, plugins: Sequence[Path], options: Mapping[str, Any]) -> Slurm:
    """Return what executes runs as jobs of SLURM, at most `jobs` at once; with "auto", as many as SLURM likes.

    Raises:
        UserError: if submitit is not installed, for a wrong number of jobs, for a device that names one GPU, and as
            `slurm_parameters` does.

    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"device {device!r}: SLURM chooses the GPU of each run; use auto, cpu or cuda")
    at_once = None if checked(jobs) == "auto" else int(jobs)
    parameters = {"cpus_per_task": 1} | slurm_parameters(options)
    _imported()
    return Slurm(at_once=at_once, parameters=parameters, plugins=plugins)


def _imported() -> Any:
    try:
        import submitit
    except ImportError:
        raise UserError("--executor slurm needs the package submitit: pip install 'birads-zoo[slurm]'") from None
    logging.getLogger("submitit").setLevel(logging.CRITICAL)  # it writes to stdout, which is kept for results
    return submitit


def _attempt(task: Task, job: Any) -> Attempt:
    """Return what became of a task whose job has ended, and issue its warnings."""
    import submitit

    try:
        lines: bytes = job.result()
    except submitit.core.utils.UncompletedJobError:
        return lost(task, f"SLURM job {job.job_id} ended without a result ({job.state}): see {job.paths.stderr}")
    *warnings, answer = map(decode, lines.splitlines())
    for message in warnings:
        if isinstance(message, Warned):
            warn(message.text)
    return attempt_of(task, answer)
