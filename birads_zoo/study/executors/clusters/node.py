"""Executes a task on another machine than that of the study's process: in a process of its own, as `Processes` does.

It imports nothing heavy: the process that a cluster starts only passes on what the process of the task says.
"""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from birads_zoo.study.executors.messages import Ended, Message, Order, Refused, Shown, Warned
from birads_zoo.study.executors.process import WorkerProcess
from birads_zoo.study.executors.tasks import Failure

_PAUSE = 0.25  # seconds after which an interruption by Ray is noticed, which does not end a wait


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Asks a node to execute a task in a working directory, with plugin files and so many `threads`."""

    order: Order
    directory: str
    plugins: tuple[str, ...]
    threads: int

    @classmethod
    def decode(cls, line: bytes) -> Request:
        """Return the request in a JSON document."""
        return msgspec.json.decode(line, type=cls)

    def encode(self) -> bytes:
        """Return the request as a JSON document."""
        return msgspec.json.encode(self)


class NodeTask:
    """A task that this node executes."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._process: WorkerProcess | None = None

    @property
    def was_interrupted(self) -> bool:
        """Whether a signal to the task's process has ended it, with a checkpoint."""
        return self._process is not None and self._process.was_interrupted()

    def execute(self, show: Callable[[Shown | Warned], None]) -> Ended | Refused:
        """Execute the task and return what became of it; `show` gets its progress and its warnings.

        An exception, such as `KeyboardInterrupt`, ends it as `stop` does.
        """
        directory = self._request.directory
        if not Path(directory).is_dir():
            return Refused(
                reason=f"{socket.gethostname()} does not see the working directory {directory}: "
                "start the command in one that all nodes see"
            )
        messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        started = time.perf_counter()
        process = self._process = WorkerProcess(
            plugins=[Path(file) for file in self._request.plugins],
            threads=self._request.threads,
            hear=messages.put,
            folder=Path(directory),
        )
        try:
            process.order(self._request.order)
            while True:
                message = _next(messages)
                if isinstance(message, Shown | Warned):
                    show(message)
                else:
                    break
        except BaseException:
            self.stop()
            raise
        process.dismiss()
        process.wait()
        if message is not None:
            return message
        seed = self._request.order.task.recipe.seed
        failure = Failure(reason=f"seed {seed}: {process.how_it_died()} on {socket.gethostname()}")
        return Ended(failure=failure, seconds=time.perf_counter() - started)

    def stop(self) -> None:
        """End the task after the present step of training, with a checkpoint."""
        if self._process is not None:
            if self._process.alive:
                self._process.interrupt()
            self._process.wait()


def _next(messages: queue.SimpleQueue[Message | None]) -> Message | None:
    while True:
        try:
            return messages.get(timeout=_PAUSE)
        except queue.Empty:
            continue
