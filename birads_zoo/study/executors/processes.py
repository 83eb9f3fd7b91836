"""Executes several runs of a study at once, each in a process of its own with its share of the cores."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from birads_zoo.errors import UserError, warn
from birads_zoo.progress import Board, Screen
from birads_zoo.study.executors.attempt import Attempt, Failure, Task
from birads_zoo.study.executors.messages import Ended, Message, Order, Shown, Warned, decode, encode

_OF_A_RUN = 3 * 2**30  # bytes of memory that `auto` keeps free for each run
_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def choose_count(jobs: int | str, gpus: int) -> int:
    """Return how many runs to execute at once: as many as `jobs` says, or for "auto" a number that fits the machine.

    That is one for each of the `gpus`, or without any, one for each core, as far as the memory suffices.

    Raises:
        UserError: for a number below 1, and for another text than "auto".

    """
    if jobs == "auto":
        return gpus or max(1, min(_cores(), _free_memory() // _OF_A_RUN))
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
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

    def execute(self, take: Callable[[], Task | None], screen: Screen) -> Iterator[Attempt]:
        """Yield each task when it was executed. A process that dies fails only its own task."""
        messages: queue.SimpleQueue[tuple[_Worker, Message | None]] = queue.SimpleQueue()
        workers: dict[int, _Worker] = {}
        with screen.board() as board, _ended(workers):
            for place in range(self.at_once):
                self._give(take(), place, workers, messages)
            while any(worker.task for worker in workers.values()):
                worker, message = messages.get()
                if isinstance(message, Shown):
                    board.show(worker.name, message.title, message.done, message.total, message.note)
                elif isinstance(message, Warned):
                    warn(message.text)
                elif worker.task is not None:
                    yield worker.finish(message, board)
                    self._give(take(), worker.place, workers, messages)

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
                worker.dismiss()
            return
        if worker is not None and worker.process.poll() is not None:
            worker.dismiss()
            worker = None
        if worker is None:
            worker = workers[place] = _Worker(place, self.plugins, self.threads, messages)
        device = self.devices[place % len(self.devices)] if self.devices else task.device
        worker.begin(replace(task, device=device))


@dataclass(eq=False)
class _Worker:
    """A process that executes tasks; what it says is put into `messages`, and `None` when it has ended."""

    place: int
    plugins: Sequence[Path]
    threads: int
    messages: queue.SimpleQueue[tuple[_Worker, Message | None]]
    task: Task | None = None
    started: float = 0.0
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        # In a session of its own: Ctrl-C in the terminal reaches only the study's process, which passes it on.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "birads_zoo.study.executors.worker", *map(str, self.plugins)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | dict.fromkeys(_POOLS, str(self.threads)),
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def name(self) -> str:
        return self.task.place if self.task is not None else ""

    def begin(self, task: Task) -> None:
        assert self.process.stdin is not None
        self.task, self.started = task, time.perf_counter()
        with contextlib.suppress(OSError):  # it has just died, which its end will say
            self.process.stdin.write(encode(Order.of(task)))
            self.process.stdin.flush()

    def finish(self, message: Ended | None, board: Board) -> Attempt:
        """Return what became of the task, from the process's last message; `None` if it died."""
        assert self.task is not None
        task, self.task = self.task, None
        board.end(task.place)
        failure = message.failure if message is not None else self._died(task)
        return Attempt(task=task, failure=failure, seconds=time.perf_counter() - self.started)

    def dismiss(self) -> None:
        """Let the process end when it has nothing to do."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended
            self.process.stdin.close()

    def _died(self, task: Task) -> Failure:
        code = self.process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        why = ", perhaps because the memory was too small: take a smaller --jobs" if code == -signal.SIGKILL else ""
        return Failure(reason=f"seed {task.recipe.seed}: its process ended, {how}{why}")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.messages.put((self, decode(line)))
        self.messages.put((self, None))


@contextmanager
def _ended(workers: dict[int, _Worker]) -> Iterator[None]:
    """End all processes at the end of the block: after the present step of training, if it ends by an error."""
    try:
        yield
    except BaseException:
        for worker in workers.values():
            worker.process.send_signal(signal.SIGTERM)
        raise
    else:
        for worker in workers.values():
            worker.dismiss()
    finally:
        try:
            for worker in workers.values():
                worker.process.wait()
                worker.dismiss()  # not before: to a process at work it would be a second signal
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
