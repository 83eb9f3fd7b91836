"""What executors on several machines share: the requests for tasks, and what its answer says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from birads_zoo.errors import UserError
from birads_zoo.runs.completion import NAME as COMPLETE
from birads_zoo.study.executors.clusters.node import Request
from birads_zoo.study.executors.messages import Ended, Message, Order, Refused
from birads_zoo.study.executors.surroundings import Surroundings
from birads_zoo.study.executors.tasks import RUNS, Attempt, Failure, Task

_DELAY = 60.0  # seconds for which a network drive may not show what another machine has written


class Requests:
    """Makes requests for tasks with plugin files and so many threads, which a node with the same code fulfils."""

    def __init__(self, plugins: Sequence[Path], threads: int) -> None:
        self._plugins, self._threads = plugins, threads
        self._surroundings: Surroundings | None = None

    def of(self, task: Task) -> Request:
        """Return the request for a task; all tasks are of the same study."""
        if self._surroundings is None:
            self._surroundings = Surroundings.here(task.study, self._plugins)
        return Request(
            order=Order.of(task, self._surroundings),
            directory=str(Path.cwd()),
            plugins=tuple(map(str, self._plugins)),
            threads=self._threads,
        )


def attempt_of(task: Task, answer: Message) -> Attempt:
    """Return what became of a task, by the answer of a node.

    Raises:
        UserError: if the node has refused it.

    """
    if isinstance(answer, Refused):
        raise UserError(answer.reason)
    assert isinstance(answer, Ended)
    failure = answer.failure
    if failure is None and not _appears(task.study / RUNS / task.folder / COMPLETE):
        failure = Failure(reason=f"seed {task.recipe.seed}: its results do not appear in {task.study}; is it shared?")
    return Attempt(task=task, failure=failure, seconds=answer.seconds)


def lost(task: Task, why: str) -> Attempt:
    """Return what became of a task of which there is no answer."""
    return Attempt(task=task, failure=Failure(reason=f"seed {task.recipe.seed}: {why}"), seconds=0.0)


def _appears(file: Path) -> bool:
    """Wait for a file of another machine, and return whether it is there."""
    until = time.monotonic() + _DELAY
    while not file.exists():
        if time.monotonic() > until:
            return False
        time.sleep(1)
    return True
