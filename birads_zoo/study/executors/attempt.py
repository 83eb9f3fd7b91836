"""Executes one run of a study; what ends it becomes a line of the study's table and does not end the study."""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from birads_zoo.errors import NothingChangedError, RunStoppedError, UserError
from birads_zoo.files import make_folder, write_text
from birads_zoo.pipeline import run
from birads_zoo.printable import printable
from birads_zoo.progress import Screen
from birads_zoo.study.executors.tasks import ERRORS, RUNS, Attempt, Failure, Task, Tasks

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class OneAfterAnother:
    """Executes tasks in this process."""

    host: Host
    at_once: int = 1

    def execute(self, tasks: Tasks, screen: Screen) -> Generator[Attempt, None, None]:
        """Yield each task when it was executed."""
        while (task := tasks.take()) is not None:
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
