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
IDLE = 5
"""Seconds that the process sleeps without an answer before an input counts as waiting for ever."""


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
        ready = self._answers(worker)
        line = worker.stdout.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        reason = _ending(worker.wait()) if ready else "it waits for ever"
        self.close()
        return {"outcome": "died", "reason": reason, "grown": 0, "outside": [], "executed": []}

    @staticmethod
    def _answers(worker: subprocess.Popen[str]) -> bool:
        """Wait for an answer or the end of the process; return False if it only sleeps, however slow the machine is."""
        idle, used = 0, -1
        while not select.select([worker.stdout], [], [], 1)[0]:
            state, now = _state(worker.pid)
            idle = idle + 1 if state == "S" and now == used else 0
            used = now
            if idle == IDLE:
                return False
        return True

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


def _state(pid: int) -> tuple[str, int]:
    """Return the state of a process (S: it sleeps) and the processor time that it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[11]) + int(fields[12])


def _ending(status: int) -> str:
    if status == -signal.SIGPROF:
        return "it takes more than 10 s of processor time"
    return f"it ends the process ({signal.Signals(-status).name if status < 0 else f'status {status}'})"
