"""Executes a study's runs one after another: keeps finished runs, resumes stopped runs, and survives failed runs."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit

from birads_zoo.errors import NothingChangedError, RunStoppedError, UserError
from birads_zoo.files import StorageError, check_file, check_folder, lock, make_folder, write_text
from birads_zoo.pipeline import run
from birads_zoo.printable import printable
from birads_zoo.progress import Screen
from birads_zoo.recipe import shaping
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.scores import Metric
from birads_zoo.runs.completion import NAME as COMPLETE
from birads_zoo.runs.completion import is_whole, reopen, seal
from birads_zoo.runs.folder import read_history
from birads_zoo.runs.resumable import check_same_recipe
from birads_zoo.study.plan import Job, Study
from birads_zoo.version import __version__

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

RUNS, RECORD, ERRORS = "runs", "study.toml", "errors"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a variant has no result, in one line.

    `nothing_changed` says that its ablations change nothing here, `stopped` that a tracker stopped one of its runs.
    """

    reason: str
    nothing_changed: bool = False
    stopped: bool = False

    @property
    def kind(self) -> str:
        """The kind of failure in a few words, for the screen."""
        return "nothing to run" if self.nothing_changed else "stopped" if self.stopped else "failed"


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
    study: Study, host: Host, folder: Path, device: str, screen: Screen, results: Iterable[str] = ()
) -> Executed:
    """Execute the missing runs of the study in `folder`, and return the folders of all runs.

    `results` are the names of the files that will be written there: they are checked before anything is trained.

    A finished run is kept, and a stopped run is resumed. If a run fails, by any error, its variant is left out with all
    its seeds: leaving out only the seeds that fail would flatter the variant. The traceback goes to `errors/`. The next
    start tries it again.

    Raises:
        UserError: when `folder` cannot be written, is in use, or has a run of the same name with another recipe.

    """
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
        return _execute(study, host, folder, device, screen)


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


def _execute(study: Study, host: Host, folder: Path, device: str, screen: Screen) -> Executed:
    runs, jobs = folder / RUNS, study.jobs
    failures: dict[str, Failure] = {}
    missing = [(number, job) for number, job in enumerate(jobs, 1) if not is_whole(runs / job.folder)]
    took = [(job, _trained_seconds(runs / job.folder)) for job in jobs if is_whole(runs / job.folder)]
    if took:
        screen.say(f"{len(took)} of {len(jobs)} runs are finished already")
    for number, job in missing:
        if job.variant.name in failures:
            continue
        place = f"[{number}/{len(jobs)}] {job.name}"
        waiting = [other for n, other in missing if n >= number and other.variant.name not in failures]
        left = time_left(waiting, took)
        screen.say(place if left is None else f"{place} · about {spoken(left)} left")
        started = time.perf_counter()
        try:
            done = _attempt(job, host, folder, device, screen.within(place))
        except KeyboardInterrupt as error:
            error.__notes__ = [f"go on with the same command: {study.command}"]
            raise
        seconds = time.perf_counter() - started
        if isinstance(done, Failure):
            failures[job.variant.name] = done
            screen.say(f"{place} · {done.kind}: {done.reason}")
        else:
            took.append((job, seconds))
            screen.say(f"{place} · {_score(done, study.metric)} · {spoken(seconds)}")
    return Executed(
        folders={
            variant.name: tuple(runs / Job(variant=variant, seed=seed).folder for seed in study.seeds)
            for variant in study.variants
            if variant.name not in failures
        },
        failures=failures,
    )


def _attempt(job: Job, host: Host, folder: Path, device: str, screen: Screen) -> RunMetrics | Failure:
    target, trace = folder / RUNS / job.folder, folder / ERRORS / f"{job.folder}.txt"
    resumed = target if target.exists() else None
    try:
        done = run(job.recipe, host, folder / RUNS, device, screen, resumed, job.folder)
    except NothingChangedError as error:
        return Failure(reason=_one_line(str(error)), nothing_changed=True)
    except RunStoppedError as error:
        return Failure(reason=_one_line(f"seed {job.seed}: {error}"), stopped=True)
    except Exception as error:  # a model's code may raise anything, and the other runs should still finish
        write_text(make_folder(trace.parent) / trace.name, traceback.format_exc())
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return Failure(reason=_one_line(f"seed {job.seed}: {reason}"))
    trace.unlink(missing_ok=True)
    return done.metrics


def _one_line(text: str) -> str:
    """Return the text of an error as a table, a page and a workbook can hold it."""
    return printable(" ".join(text.split()))


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
