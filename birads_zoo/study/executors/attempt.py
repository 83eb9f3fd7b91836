"""Executes one run of a study; what ends it becomes a line of the study's table and does not end the study."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from birads_zoo.errors import NothingChangedError, RunStoppedError, UserError
from birads_zoo.files import make_folder, write_text
from birads_zoo.pipeline import run
from birads_zoo.printable import printable
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

RUNS, ERRORS = "runs", "errors"


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
class Task:
    """One run of the study in `study`: its recipe, the name of its folder, and where it computes.

    `place` is how the screen calls it, such as "[3/24] resnet50@0".
    """

    recipe: Recipe
    study: Path
    folder: str
    place: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A task that was executed in some `seconds`, and its failure, `None` if the run is finished."""

    task: Task
    failure: Failure | None
    seconds: float


class Executor(Protocol):
    """Executes tasks, `at_once` at a time."""

    @property
    def at_once(self) -> int:
        """The number of tasks that are executed at the same time."""

    def execute(self, take: Callable[[], Task | None], screen: Screen) -> Iterator[Attempt]:
        """Yield each task that `take` returns when it was executed; `take` returns `None` when there are no more.

        It is called only when a task can begin: an earlier failure may withdraw the tasks that follow.
        """


@dataclass(frozen=True, kw_only=True)
class OneAfterAnother:
    """Executes tasks in this process."""

    host: Host
    at_once: int = 1

    def execute(self, take: Callable[[], Task | None], screen: Screen) -> Iterator[Attempt]:
        """Yield each task when it was executed."""
        while (task := take()) is not None:
            started = time.perf_counter()
            failure = attempt(task, self.host, screen.within(task.place))
            yield Attempt(task=task, failure=failure, seconds=time.perf_counter() - started)


def attempt(task: Task, host: Host, screen: Screen) -> Failure | None:
    """Execute a run, or resume it; return why it failed, or `None`. The traceback of a failure goes to `errors/`."""
    target, trace = task.study / RUNS / task.folder, task.study / ERRORS / f"{task.folder}.txt"
    resumed, seed = target if target.exists() else None, task.recipe.seed
    try:
        run(task.recipe, host, task.study / RUNS, task.device, screen, resumed, task.folder)
    except NothingChangedError as error:
        return Failure(reason=one_line(str(error)), nothing_changed=True)
    except RunStoppedError as error:
        return Failure(reason=one_line(f"seed {seed}: {error}"), stopped=True)
    except Exception as error:  # a model's code may raise anything, and the other runs should still finish
        write_text(make_folder(trace.parent) / trace.name, traceback.format_exc())
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return Failure(reason=one_line(f"seed {seed}: {reason}"))
    trace.unlink(missing_ok=True)
    return None


def one_line(text: str) -> str:
    """Return the text of an error as a table, a page and a workbook can hold it."""
    return printable(" ".join(text.split()))
