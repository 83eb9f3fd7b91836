"""Executes a study's runs one after another: keeps finished runs, resumes stopped runs, and survives failed runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit

from birads_zoo.errors import UserError
from birads_zoo.files import StorageError, check_file, check_folder, lock, make_folder, write_text
from birads_zoo.launch import launched
from birads_zoo.progress import Screen
from birads_zoo.recipe import shaping
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.scores import Metric
from birads_zoo.runs.completion import NAME as COMPLETE
from birads_zoo.runs.completion import is_whole, reopen, seal
from birads_zoo.runs.folder import read_history, read_metrics
from birads_zoo.runs.resumable import check_same_recipe
from birads_zoo.study.executors.attempt import OneAfterAnother
from birads_zoo.study.executors.tasks import ERRORS, RECORD, RUNS, Attempt, Executor, Failure, Task
from birads_zoo.study.plan import Job, Study
from birads_zoo.version import __version__

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class Executed:
    """The folders of a study's runs, in the order of its seeds, or the failure, both by the variant's name."""

    folders: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)


def _check_places(folder: Path, files: Iterable[str]) -> None:
    """Check that a study can write everything into `folder`, before hours of training; `files` are its results.

    Raises:
        StorageError: if it cannot, such as when a folder has the name of a file, or if a file of another origin has the
            name of a result.

    """
    for place in (folder, folder / RUNS, folder / ERRORS):
        check_folder(place)
    for name in (RECORD, COMPLETE, *files):
        check_file(folder / name)
        if (folder / name).exists() and not (folder / RECORD).exists():
            raise StorageError(f"{folder / name} exists, and is not of a study: give another folder, or move it away")


def execute(
    study: Study,
    host: Host,
    folder: Path,
    device: str,
    screen: Screen,
    results: Iterable[str] = (),
    executor: Executor | None = None,
) -> Executed:
    """Execute the missing runs of the study in `folder`, and return the folders of all runs.

    The `executor` executes them; by default one after another in this process.

    `results` are the names of the files that will be written there: they are checked before anything is trained.

    A finished run is kept, and a stopped run is resumed. If a run fails, by any error, its variant is left out with all
    its seeds: leaving out only the seeds that fail would flatter the variant. The traceback goes to `errors/`. The next
    start tries it again.

    Raises:
        UserError: when `folder` cannot be written, is in use, or has a run of the same name with another recipe.

    """
    if launched().size > 1:
        raise UserError("a study is not for several processes of torchrun or srun: start it once, with --jobs")
    make_folder(folder)
    with lock(
        folder / ".birads-zoo-lock", f"another process is at work on the study in {folder}; wait for it, or end it"
    ):
        _check_places(folder, results)
        make_folder(folder / RUNS)
        for job in study.jobs:
            if (folder / RUNS / job.folder).exists():
                check_same_recipe(folder / RUNS / job.folder, job.recipe, host)
        reopen(folder)
        write_text(folder / RECORD, record(study))
        return _execute(study, executor or OneAfterAnother(host=host), folder, device, screen)


def finish(folder: Path, results: Iterable[str], executed: Executed) -> None:
    """Mark the study in `folder` as finished, with the digests of its `results` and of the runs that they are of."""
    runs = [run for folders in executed.folders.values() for run in folders]
    seal(folder, [*(folder / name for name in (RECORD, *results)), *(run / COMPLETE for run in runs)])


def record(study: Study) -> str:
    """Return the text of `study.toml`: the study, with each variant's recipe (without its seed) in full."""
    note = tomlkit.document()
    note.add(tomlkit.comment("The runs of this study. This command, started again, only executes missing runs:"))
    note.add(tomlkit.comment(study.command))
    note["birads_zoo"] = __version__
    note["kind"] = study.kind
    note["metric"] = study.metric
    note["seeds"] = list(study.seeds)
    recipes = {variant.name: shaping(variant.recipe) for variant in study.variants}
    note["variants"] = {
        name: {key: value for key, value in recipe.items() if key != "seed"} for name, recipe in recipes.items()
    }
    return tomlkit.dumps(note)


def time_left(waiting: Sequence[Job], took: Sequence[tuple[Job, float]]) -> float | None:
    """Estimate the seconds that the `waiting` runs will take, from the runs that `took` some; `None` without any.

    A run is expected to take the mean of its variant's runs, else of its backbone's runs, else of all runs.
    """
    if not took:
        return None
    return sum(_likely(job, took) for job in waiting)


def _likely(job: Job, took: Sequence[tuple[Job, float]]) -> float:
    backbone = job.variant.recipe.model.backbone
    same = [seconds for other, seconds in took if other.variant.name == job.variant.name]
    similar = [seconds for other, seconds in took if other.variant.recipe.model.backbone == backbone]
    known = same or similar or [seconds for _, seconds in took]
    return sum(known) / len(known)


def _execute(study: Study, executor: Executor, folder: Path, device: str, screen: Screen) -> Executed:
    waiting = _Waiting(study, folder, device, screen, executor.at_once)
    try:
        with closing(executor.execute(waiting, screen)) as attempts:
            for done in attempts:
                waiting.end(done)
    except KeyboardInterrupt as error:
        error.__notes__ = [f"go on with the same command: {study.command}"]
        raise
    return Executed(
        folders={
            variant.name: tuple(folder / RUNS / Job(variant=variant, seed=seed).folder for seed in study.seeds)
            for variant in study.variants
            if variant.name not in waiting.failures
        },
        failures=waiting.failures,
    )


class _Waiting:
    """The runs of a study in `folder` that are missing, and the failures of its variants."""

    def __init__(self, study: Study, folder: Path, device: str, screen: Screen, at_once: int | None) -> None:
        self.failures: dict[str, Failure] = {}
        self._study, self._folder, self._device, self._screen = study, folder, device, screen
        self._at_once = at_once
        runs, jobs = folder / RUNS, study.jobs
        self._missing = {
            job.folder: (number, job) for number, job in enumerate(jobs, 1) if not is_whole(runs / job.folder)
        }
        self._took = [(job, _trained_seconds(runs / job.folder)) for job in jobs if is_whole(runs / job.folder)]
        self._queue = deque(self._missing.values())
        if self._took:
            screen.say(f"{len(self._took)} of {len(jobs)} runs are finished already")

    def take(self) -> Task | None:
        """Return the next run whose variant has not failed."""
        while self._queue:
            left = time_left([job for _, job in self._queue if job.variant.name not in self.failures], self._took)
            number, job = self._queue.popleft()
            if job.variant.name not in self.failures:
                place = f"[{number}/{len(self._study.jobs)}] {job.name}"
                if left is None or self._at_once is None:
                    self._screen.say(place)
                else:
                    self._screen.say(f"{place} · about {spoken(left / self._at_once)} left")
                return Task(recipe=job.recipe, study=self._folder, folder=job.folder, place=place, device=self._device)
        return None

    def needs(self, task: Task) -> bool:
        """Return whether the variant of a task that was taken has not failed."""
        _, job = self._missing[task.folder]
        return job.variant.name not in self.failures

    def end(self, done: Attempt) -> None:
        """Record and show what became of a task."""
        _, job = self._missing[done.task.folder]
        if done.failure is not None:
            self.failures.setdefault(job.variant.name, done.failure)
            self._screen.say(f"{done.task.place} · {done.failure.kind}: {done.failure.reason}")
        else:
            self._took.append((job, done.seconds))
            metrics = read_metrics(self._folder / RUNS / job.folder)
            shown = f"{_score(metrics, self._study.metric)} · {spoken(done.seconds)}"
            self._screen.say(f"{done.task.place} · {shown}")


def _trained_seconds(run_folder: Path) -> float:
    return sum(epoch.seconds for epoch in read_history(run_folder))


def _score(metrics: RunMetrics, metric: Metric) -> str:
    value = metrics.score(metric)
    shown = "undefined" if value is None else f"{value:.3f}"
    return f"{metric} {shown} ({metrics.split} split, n = {metrics.n})"


def spoken(seconds: float) -> str:
    """Format a duration for reading: "40 s", "14 min", "3 h 20 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
