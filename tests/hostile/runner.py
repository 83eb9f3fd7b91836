"""Runs the worker that reads hostile inputs, and starts another where an input ended it."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
WAIT = 120
"""Seconds without an answer after which an input counts as waiting for ever; its processor time is limited to 10 s."""


class Runner:
    """Readers in a process of their own, which may be killed."""

    def __init__(self, folder: Path, secret: Path) -> None:
        self.folder, self.secret = folder, secret
        self.worker: subprocess.Popen[str] | None = None

    def read(self, reader: str, path: Path) -> dict[str, Any]:
        """Return what happened: an `outcome` ("read", "refused", "crashed" or "died") with its `reason`."""
        worker = self.worker or self._start()
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps([reader, str(path)]) + "\n")
        worker.stdin.flush()
        ready, _, _ = select.select([worker.stdout], [], [], WAIT)
        line = worker.stdout.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        reason = "it waits for ever" if not ready else _ending(worker.wait())
        self.close()
        return {"outcome": "died", "reason": reason, "grown": 0, "outside": [], "executed": []}

    def _start(self) -> subprocess.Popen[str]:
        places = {"TMPDIR": str(self.folder), "BIRADS_ZOO_CACHE": str(self.folder / "cache"), "PYTHONPATH": str(TESTS)}
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "hostile.worker", str(self.folder), str(self.secret)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | places | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        )
        return self.worker

    def close(self) -> None:
        """End the process."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.communicate()
            self.worker = None


def _ending(status: int) -> str:
    if status == -signal.SIGPROF:
        return "it takes more than 10 s of processor time"
    return f"it ends the process ({signal.Signals(-status).name if status < 0 else f'status {status}'})"
