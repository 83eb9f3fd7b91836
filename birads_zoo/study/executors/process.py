"""Starts and ends a process that executes tasks (see `worker`), and passes on what it says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from birads_zoo.interruption import SIGNALS
from birads_zoo.study.executors.messages import Message, Order, decode, encode

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(eq=False, kw_only=True)
class WorkerProcess:
    """A process in `folder` that executes tasks with so many `threads`.

    `hear` gets each of its messages, and `None` when it has ended. It is called in a thread of its own.
    """

    plugins: Sequence[Path]
    threads: int
    hear: Callable[[Message | None], None]
    folder: Path | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        # In a session of its own: Ctrl-C in the terminal reaches only the study's process, which passes it on.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "birads_zoo.study.executors.worker", *map(str, self.plugins)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder,
            env=os.environ | dict.fromkeys(_POOLS, str(self.threads)),
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def order(self, order: Order) -> None:
        """Let the process execute a task when it has nothing else to do."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has just died, which its end will say
            self.process.stdin.write(encode(order))
            self.process.stdin.flush()

    def dismiss(self) -> None:
        """Let the process end when it has nothing to do."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended
            self.process.stdin.close()

    def interrupt(self) -> None:
        """Let the process end after the present step of training, with a checkpoint."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self.process.wait()
        self.dismiss()  # not before: to a process at work it would be a second signal

    def was_interrupted(self) -> bool:
        """Wait until the process has ended, and return whether a signal asked for it."""
        return self.process.wait() - 128 in SIGNALS

    def how_it_died(self) -> str:
        """Wait until the process has ended, and return how."""
        code = self.process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        why = ", perhaps because the memory was too small: take a smaller --jobs" if code == -signal.SIGKILL else ""
        return f"its process ended, {how}{why}"

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.hear(decode(line))
        self.hear(None)
