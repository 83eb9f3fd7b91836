"""A process that executes one task after another for a study: orders come from stdin, messages go to stdout.

    python -P -m birads_zoo.study.executors.worker [PLUGIN FILE …]

It ends when stdin does. A signal ends it after the present step of training, with a checkpoint.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.interruption import Interrupted, interruptible
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.registry import load_registry
from birads_zoo.runs.folder import wait_until_free
from birads_zoo.study.executors.attempt import attempt
from birads_zoo.study.executors.messages import Ended, Message, Order, Refused, Shown, Warned, decode_order, encode
from birads_zoo.study.executors.surroundings import refusal
from birads_zoo.study.executors.tasks import RUNS

_PAUSE = 0.25  # seconds between two messages about progress
_LEASE = 120.0  # seconds for which a network drive may keep the lock of a machine that is gone

Send = Callable[[Message], None]


class _Relay(Screen):
    """A screen whose bars are shown by the study's process."""

    def __init__(self, send: Send) -> None:
        super().__init__(part="task")
        self._send = send

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """Yield `show(images done, note)`, which sends a message now and then."""
        last = -_PAUSE

        def show(done: int, note: str) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= _PAUSE:
                last = now
                self._send(Shown(title=title, done=done, total=total, note=note))

        yield show


def main() -> int:
    """Execute orders until there are no more; return the exit status."""
    send = _sender()
    if hasattr(signal, "SIGUSR2"):  # which a batch scheduler sends to all processes of a job: that of submitit answers
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    busy, over = threading.Event(), threading.Event()
    # Without a buffer: Python aborts if a thread still waits in that of stdin when a signal ends the process.
    lines = os.fdopen(os.dup(0), "rb", buffering=0)
    threading.Thread(target=_read, args=(lines, orders, busy, over), daemon=True).start()
    try:
        with interruptible():
            plugin_files = [Path(name) for name in sys.argv[1:]]
            host = _load_host(plugin_files)
            screen = _Relay(send)
            while (order := orders.get()) is not None:
                busy.set()
                if over.is_set():  # while this process was starting
                    break
                answer = _answer(order, host, plugin_files, screen)
                busy.clear()  # before it is sent: who gets it may close stdin at once, which is no interruption then
                send(answer)
    except UserError as error:  # of the plugins
        send(Refused(reason=str(error)))
    except KeyboardInterrupt as error:
        return 128 + (error.signal if isinstance(error, Interrupted) else signal.SIGINT)
    return 0


def _load_host(plugin_files: Sequence[Path]) -> Host:
    registry = load_registry()
    return load_host(plugin_files, registered_files=registry.plugin_files, disabled=registry.disabled)


def _answer(order: Order, host: Host, plugin_files: Sequence[Path], screen: Screen) -> Ended | Refused:
    """Execute a task; refuse it where this machine does not have what it needs."""
    task = order.task
    if order.surroundings is not None:
        reason = refusal(order.surroundings, task.study, task.recipe.dataset.root, plugin_files)
        if reason is not None:
            return Refused(reason=reason)
        wait_until_free(task.study / RUNS / task.folder, _LEASE)
    started = time.perf_counter()
    failure = attempt(task, host, screen)
    return Ended(failure=failure, seconds=time.perf_counter() - started)


def _read(
    lines: Iterable[bytes], orders: queue.SimpleQueue[Order | None], busy: threading.Event, over: threading.Event
) -> None:
    """Put orders into the queue. If the study's process ends, which closes stdin, end a task as a signal does."""
    for line in lines:
        orders.put(decode_order(line))
    over.set()
    orders.put(None)
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def _sender() -> Send:
    """Return a function that writes messages to stdout; whatever else prints there is printed on stderr from now on."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def send(message: Message) -> None:
        out.write(encode(message))

    def warned(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
        if issubclass(category, BiradsZooWarning):
            send(Warned(text=str(message)))
        else:
            sys.stderr.write(f"{category.__name__}: {message}\n")

    warnings.showwarning = warned
    return send


if __name__ == "__main__":
    sys.exit(main())
