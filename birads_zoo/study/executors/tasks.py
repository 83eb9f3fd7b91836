"""The tasks of a study, what becomes of them, and what an executor of them is. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe

RECORD, RUNS, ERRORS = "study.toml", "runs", "errors"
"""Names in the folder of a study: its record, and the folders of its runs and of the tracebacks of failed runs."""


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


class Tasks(Protocol):
    """The tasks of a study that are still to be executed."""

    def take(self) -> Task | None:
        """Return the next task, or `None` if there are no more: an earlier failure may withdraw those that follow."""

    def needs(self, task: Task) -> bool:
        """Return whether a task that was taken is still needed; a later failure may have made it useless."""


class Executor(Protocol):
    """Executes tasks, some at a time."""

    @property
    def at_once(self) -> int | None:
        """The number of tasks that are executed at the same time; `None` where a scheduler decides."""

    def execute(self, tasks: Tasks, screen: Screen) -> Generator[Attempt, None, None]:
        """Yield each task when it was executed.

        A task is taken when it can begin. An executor that has to take tasks earlier drops those that are no longer
        needed. To close the generator ends the tasks after their present step of training.

        Raises:
            UserError: if the place where tasks are executed is unfit for the study.

        """
