"""Runs a small run again and again in forked processes, with a fault at another event each time, and then goes on.

It is a program of its own, because the library that makes events fail has to be loaded with it (see `faults.py`). It
prints a line of JSON for each trial: the fault, the number of the event, what is wrong, and what the faulty process and
the one that goes on print, with their statuses.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

LIMIT = 300.0
"""Seconds that a process may take; one that takes longer hangs."""
FILES, ALLOCATIONS = 1, 2  # as in shim.c
FAULTS = {
    "full": (FILES, errno.ENOSPC, True),
    "input-output": (FILES, errno.EIO, False),
    "too-many-files": (FILES, errno.EMFILE, False),
    "too-large": (FILES, errno.EFBIG, False),
    "killed": (FILES, -1, False),
    "memory": (ALLOCATIONS, errno.ENOMEM, False),
}
"""The events of each fault, the error (-1: the process is killed), and whether all later events fail too."""
Armed = tuple[int, int, int, bool]
"""The kind of events, the number of the one that fails (0: they are only counted), the error, and whether for ever."""
DATA = ["--dataset", "image-folder", "--patient-pattern", r"([a-z]+\d+)"]
RUN = [*DATA, "--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "1", "--device", "cpu"]
EXPECTED = ("predictions.csv", "validation.csv", "metrics.json", "split.csv", "audit.csv")


def main() -> None:
    """Try each fault at every n-th event from `--first` on; of these trials, execute every `--parts`-th."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shim", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("place", type=Path)
    parser.add_argument("steps", type=json.loads, help='the faults and their steps, {"full": n}')
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    options = parser.parse_args()
    leave_out_what_takes_time()
    trials = Trials(ctypes.CDLL(str(options.shim)), options.data, options.place)
    trials.import_everything()
    events = {kind: trials.count(kind) for kind in (FILES, ALLOCATIONS)}
    plan = [
        (fault, number)
        for fault, step in options.steps.items()
        for number in range(options.first, events[FAULTS[fault][0]] + 1, step)
    ]
    for fault, number in plan[options.part :: options.parts]:
        print(json.dumps(trials.trial(fault, number)), flush=True)


def leave_out_what_takes_time() -> None:
    """Make runs in this process as short as they can be without leaving out a kind of file that they write."""
    import torch

    from birads_zoo import pipeline
    from birads_zoo.shortcuts import permutation_test
    from birads_zoo.training import cost, loop

    torch.set_num_threads(1)
    pipeline.draw_all = _draw_one
    pipeline.explain_fold = lambda *given: None
    permutation_test.RETRAININGS = 2
    cost._TIMED_PASSES = 1
    loop.CHECKPOINT_SECONDS = -1.0


def _draw_one(folder: Path, data: Any, history: Any, predictions: Any, metrics: Any, *others: object) -> None:
    """Draw one of the eleven figures, which take most of a small run's time and are all written in the same way."""
    from birads_zoo.report.drawing.charts import confusion_matrix

    confusion_matrix(metrics.confusion, metrics.classes, folder / "confusion-matrix.png", "a trial")


class Trials:
    """Small runs below the folder `place`, each in a forked process with its own cache."""

    def __init__(self, shim: ctypes.CDLL, data: Path, place: Path) -> None:
        self.shim, self.data, self.place = shim, data, place.resolve()
        self.expected: dict[str, str] = {}

    def import_everything(self) -> None:
        """Execute a run in this process: importing takes most of the time of a small run.

        Besides, PyTorch takes a lack of memory while it imports a part of itself for another error.
        """
        _enter(self._case("first"))
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert _execute(["run", "--root", self.data, *RUN]) == 0
            assert _execute(["verify", "runs/baseline_cnn"]) == 0

    def count(self, events: int) -> int:
        """Run without a fault, remember the results, and return the number of events of a kind."""
        case = self._case("reference")
        done = self._command(case, ["run", "--root", self.data, *RUN], (events, 0, 0, False))
        assert done["status"] == 0, done
        self.expected = _digests(case / "work" / "runs" / "baseline_cnn")
        number = int((case / "events").read_text())
        shutil.rmtree(case)
        return number

    def trial(self, fault: str, number: int) -> dict[str, object]:
        """Let event `number` fail, go on without a fault, and return what is wrong."""
        case = self._case(f"{fault}-{number}")
        events, error, persistent = FAULTS[fault]
        faulty = self._command(case, ["run", "--root", self.data, *RUN], (events, number, error, persistent))
        wrong = _wrong_with(faulty, killed=error < 0)
        run = case / "work" / "runs" / "baseline_cnn"
        begun = (run / "recipe.toml").exists()
        again = faulty
        if faulty["status"] != 0:
            command = ["run", "--resume", run] if begun else ["run", "--root", self.data, *RUN]
            again = self._command(case, [*command, *(["--device", "cpu"] if begun else [])])
            if again["status"] != 0:
                wrong.append("it could not go on")
        if again["status"] == 0:
            wrong += [f"{name} differs" for name, digest in _digests(run).items() if digest != self.expected[name]]
            verified = self._command(case, ["verify", run])
            wrong += ["verify complains"] * (verified["status"] != 0)
            # A lock's file stays if the system refuses to delete it. It is empty, and the next command deletes it.
            left = [path for path in case.rglob(".*birads-zoo-*") if path.name != ".birads-zoo-lock"]
            wrong += [f"left {path.relative_to(case)}" for path in left]
        if not wrong:
            shutil.rmtree(case)
        both = {"faulty": faulty, "again": again if again is not faulty else None}
        return {"fault": fault, "event": number, "wrong": wrong, **both}

    def _case(self, name: str) -> Path:
        case = self.place / name
        case.mkdir(parents=True)
        return case

    def _command(self, case: Path, arguments: list[object], armed: Armed | None = None) -> dict[str, object]:
        """Execute a command in a forked process in the folder `case`, perhaps with a fault."""
        process = os.fork()
        if process == 0:
            self._be_the_process(case, arguments, armed)
        text = case / "printed"
        status = _wait(process)
        return {"status": status, "text": text.read_text(errors="replace") if text.exists() else ""}

    def _be_the_process(self, case: Path, arguments: list[object], armed: Armed | None) -> None:
        work = _enter(case)
        printed = os.open(case / "printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.close(printed)
        if armed is not None:
            events, number, error, persistent = armed
            self.shim.torture_arm(events, ctypes.c_long(number), error, int(persistent), str(work).encode())
        status = 99
        try:
            status = _execute(arguments)
        finally:
            counted = self.shim.torture_count()
            self.shim.torture_arm(0, ctypes.c_long(0), 0, 0, b"/nowhere")
            if armed is not None:
                (case / "events").write_text(str(counted))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _wrong_with(faulty: dict[str, object], killed: bool) -> list[str]:
    status, text = faulty["status"], str(faulty["text"])
    if killed:
        return [] if status == -signal.SIGKILL else [f"status {status}, not killed"]
    if status == 0:
        return []
    errors = [line for line in text.splitlines() if line.startswith("birads-zoo: error: ")]
    wrong = []
    if status != 2 or len(errors) != 1:
        wrong.append(f"status {status} with {len(errors)} sentences")
    if "Traceback" in text:
        wrong.append("a traceback")
    return wrong


def _enter(case: Path) -> Path:
    """Make the folders of a case, go there, and return the folder; what is printed is not below it."""
    work = case / "work"
    for folder in (work / "runs", work / "cache"):
        folder.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    os.environ["BIRADS_ZOO_CACHE"] = str(work / "cache")
    return work


def _execute(arguments: list[object]) -> int:
    """Execute a command in this process and return its status."""
    from birads_zoo.cli import main as birads_zoo

    try:
        birads_zoo([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    raise AssertionError("unreachable")


def _wait(process: int) -> int | None:
    """Wait for a process; return its status, minus the number of the signal that killed it, or `None` if it hung."""
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def _digests(run: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest() if (run / name).exists() else "missing"
        for name in EXPECTED
    }


if __name__ == "__main__":
    main()
