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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from birads_zoo.errors import BiradsZooWarning
from birads_zoo.interruption import Interrupted, interruptible
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.registry import load_registry
from birads_zoo.study.executors.attempt import attempt
from birads_zoo.study.executors.messages import Ended, Message, Order, Shown, Warned, decode_order, encode

_PAUSE = 0.25  # seconds between two messages about progress

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
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    busy, over = threading.Event(), threading.Event()
    threading.Thread(target=_read, args=(sys.stdin.buffer, orders, busy, over), daemon=True).start()
    try:
        with interruptible():
            registry = load_registry()
            files = [Path(name) for name in sys.argv[1:]]
            host = load_host(files, registered_files=registry.plugin_files, disabled=registry.disabled)
            screen = _Relay(send)
            while (order := orders.get()) is not None:
                busy.set()
                if over.is_set():  # while this process was starting
                    break
                failure = attempt(order.task, host, screen)
                busy.clear()
                send(Ended(failure=failure))
    except KeyboardInterrupt as error:
        return 128 + (error.signal if isinstance(error, Interrupted) else signal.SIGINT)
    return 0


def _read(
    lines: BinaryIO, orders: queue.SimpleQueue[Order | None], busy: threading.Event, over: threading.Event
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
