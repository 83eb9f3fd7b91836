"""Executes several runs of a study at once, each in a process of its own with its share of the cores."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from birads_zoo.errors import UserError, warn
from birads_zoo.progress import Board, Screen
from birads_zoo.study.executors.messages import Ended, Message, Order, Refused, Shown, Warned
from birads_zoo.study.executors.process import WorkerProcess
from birads_zoo.study.executors.tasks import Attempt, Failure, Task, Tasks

OF_A_RUN = 3 * 2**30
"""Bytes of memory that `auto` keeps free for each run."""


def choose_count(jobs: int | str, gpus: int) -> int:
    """Return how many runs to execute at once: as many as `jobs` says, or for "auto" a number that fits the machine.

    That is one for each of the `gpus`, or without any, one for each core, as far as the memory suffices.

    Raises:
        UserError: for a number below 1, and for another text than "auto".

    """
    if checked(jobs) == "auto":
        return gpus or max(1, min(_cores(), _free_memory() // OF_A_RUN))
    return int(jobs)


def checked(jobs: int | str) -> int | str:
    """Return `jobs`; raise `UserError` for a number below 1, and for another text than "auto"."""
    if jobs != "auto" and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise UserError(f"jobs = {jobs!r}: give the number of runs to execute at once, at least 1, or auto")
    return jobs


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Executes `at_once` tasks at the same time. With several `devices`, each process uses one of them in turn.

    The cores are shared equally. A CPU's results depend on the number of threads in the last bits, so they are those
    of any other execution with as many threads per run.
    """

    at_once: int
    plugins: Sequence[Path] = ()
    devices: Sequence[str] = ()

    @property
    def threads(self) -> int:
        """The threads of each run."""
        return max(1, _cores() // self.at_once)

    def execute(self, tasks: Tasks, screen: Screen) -> Generator[Attempt, None, None]:
        """Yield each task when it was executed. A process that dies fails only its own task."""
        messages: queue.SimpleQueue[tuple[_Worker, Message | None]] = queue.SimpleQueue()
        workers: dict[int, _Worker] = {}
        with screen.board() as board, _ended(workers):
            for place in range(self.at_once):
                self._give(tasks.take(), place, workers, messages)
            while any(worker.task for worker in workers.values()):
                worker, message = messages.get()
                if isinstance(message, Shown):
                    board.show(worker.name, message.title, message.done, message.total, message.note)
                elif isinstance(message, Warned):
                    warn(message.text)
                elif isinstance(message, Refused):
                    raise UserError(message.reason)
                elif worker.task is not None:
                    yield worker.finish(message, board)
                    self._give(tasks.take(), worker.place, workers, messages)

    def _give(
        self,
        task: Task | None,
        place: int,
        workers: dict[int, _Worker],
        messages: queue.SimpleQueue[tuple[_Worker, Message | None]],
    ) -> None:
        """Give a task to the process at `place`, which is started if it does not run; without a task, let it end."""
        worker = workers.get(place)
        if task is None:
            if worker is not None:
                worker.process.dismiss()
            return
        if worker is not None and not worker.process.alive:
            worker.process.dismiss()
            worker = None
        if worker is None:
            worker = workers[place] = _Worker(place, self.plugins, self.threads, messages)
        device = self.devices[place % len(self.devices)] if self.devices else task.device
        worker.begin(replace(task, device=device))


class _Worker:
    """A process at a place among the others, and the task that it executes. What it says is put into `messages`."""

    def __init__(
        self,
        place: int,
        plugins: Sequence[Path],
        threads: int,
        messages: queue.SimpleQueue[tuple[_Worker, Message | None]],
    ) -> None:
        self.place = place
        self.task: Task | None = None
        self.started = 0.0
        self.process = WorkerProcess(
            plugins=plugins, threads=threads, hear=lambda message: messages.put((self, message))
        )

    @property
    def name(self) -> str:
        return self.task.place if self.task is not None else ""

    def begin(self, task: Task) -> None:
        self.task, self.started = task, time.perf_counter()
        self.process.order(Order.of(task))

    def finish(self, message: Ended | None, board: Board) -> Attempt:
        """Return what became of the task, from the process's last message; `None` if it died."""
        assert self.task is not None
        task, self.task = self.task, None
        board.end(task.place)
        if message is not None:
            return Attempt(task=task, failure=message.failure, seconds=message.seconds)
        failure = Failure(reason=f"seed {task.recipe.seed}: {self.process.how_it_died()}")
        return Attempt(task=task, failure=failure, seconds=time.perf_counter() - self.started)


@contextmanager
def _ended(workers: dict[int, _Worker]) -> Iterator[None]:
    """End all processes at the end of the block: after the present step of training, if it ends by an error."""
    try:
        yield
    except BaseException:
        for worker in workers.values():
            worker.process.interrupt()
        raise
    else:
        for worker in workers.values():
            worker.process.dismiss()
    finally:
        try:
            for worker in workers.values():
                worker.process.wait()
        except BaseException:  # the user does not want to wait
            for worker in workers.values():
                worker.process.kill()
            raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_memory() -> int:
    """Return the bytes of memory that are free; where the system does not say, a lot."""
    if "SC_AVPHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return 2**50
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
