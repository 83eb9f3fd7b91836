"""Runs a small run again and again in forked processes, with a fault at another event each time, and then goes on.

It is a program of its own, because the library that makes events fail has to be loaded with it (see `faults.py`). For
each trial it prints a line of JSON: the number of the event, what the faulty process and the one that went on printed,
their statuses, and what is wrong. The first line has the number of events.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

LIMIT = 300.0
"""Seconds that a process may take; one that takes longer hangs."""
KINDS = {
    "full": (1, errno.ENOSPC, True),
    "input-output": (1, errno.EIO, False),
    "too-many-files": (1, errno.EMFILE, False),
    "too-large": (1, errno.EFBIG, False),
    "killed": (1, -1, False),
    "memory": (2, errno.ENOMEM, False),
}
"""Which events fail (1: file events, 2: large allocations), with which error (-1: killed), and whether for ever."""
DATA = ["--dataset", "image-folder", "--patient-pattern", r"([a-z]+\d+)"]
RUN = [*DATA, "--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "1", "--device", "cpu"]
EXPECTED = ("predictions.csv", "validation.csv", "metrics.json", "split.csv", "audit.csv")


def main() -> None:
    """Try the events from `--first` on, in steps of `--step`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shim", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("place", type=Path)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--cached", action="store_true", help="keep the pixel store and the features of the first run")
    options = parser.parse_args()
    _prepare()
    trials = Trials(ctypes.CDLL(str(options.shim)), options.data, options.place, options.kind)
    events = trials.reference()
    print(json.dumps({"events": events}), flush=True)
    for number in range(options.first, events + 1, options.step):
        print(json.dumps(trials.trial(number)), flush=True)


def _prepare() -> None:
    """Import everything that a run needs, once, and leave out what only takes time."""
    import torch

    from birads_zoo import pipeline
    from birads_zoo.shortcuts import permutation_test
    from birads_zoo.training import cost, loop

    # PyTorch imports the last one when it is first needed, and takes a lack of memory then for another error.
    for name in ("birads_zoo.cli.run", "birads_zoo.cli.verify", "torch.utils._sympy.functions"):
        importlib.import_module(name)
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

    def __init__(self, shim: ctypes.CDLL, data: Path, place: Path, kind: str) -> None:
        self.shim, self.data, self.place = shim, data, place.resolve()
        self.events, self.error, self.persistent = KINDS[kind]
        self.expected: dict[str, str] = {}

    def reference(self) -> int:
        """Run without a fault, remember the results, and return the number of events."""
        case = self._case("reference")
        done = self._command(case, ["run", "--root", self.data, *RUN], at=0)
        assert done["status"] == 0, done
        self.expected = _digests(case / "work" / "runs" / "baseline_cnn")
        events = json.loads((case / "events").read_text())
        shutil.rmtree(case)
        return int(events)

    def trial(self, number: int) -> dict[str, object]:
        """Let event `number` fail, go on without a fault, and return what is wrong."""
        case = self._case(f"{number:05d}")
        faulty = self._command(case, ["run", "--root", self.data, *RUN], at=number)
        wrong = self._wrong_with(faulty)
        run = case / "work" / "runs" / "baseline_cnn"
        begun = (run / "recipe.toml").exists()
        again = faulty
        if faulty["status"] != 0:
            command = ["run", "--resume", run] if begun else ["run", "--root", self.data, *RUN]
            again = self._command(case, [*command, *(["--device", "cpu"] if begun else [])], at=None)
            if again["status"] != 0:
                wrong.append("it could not go on")
        if again["status"] == 0:
            wrong += [f"{name} differs" for name, digest in _digests(run).items() if digest != self.expected[name]]
            verified = self._command(case, ["verify", run], at=None)
            wrong += ["verify complains"] * (verified["status"] != 0)
            left = [path for path in case.rglob("*birads-zoo-*") if ".birads-zoo-" in path.name]
            wrong += [f"left {path.relative_to(case)}" for path in left]
        if not wrong:
            shutil.rmtree(case)
        return {"event": number, "wrong": wrong, "faulty": faulty, "again": again if again is not faulty else None}

    def _wrong_with(self, faulty: dict[str, object]) -> list[str]:
        status, text = faulty["status"], str(faulty["text"])
        if self.error < 0:
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

    def _case(self, name: str) -> Path:
        case = self.place / name
        case.mkdir(parents=True)
        return case

    def _command(self, case: Path, arguments: list[object], at: int | None) -> dict[str, object]:
        """Execute a command in a forked process in the folder `case`; with `at`, that event fails (0: count them)."""
        process = os.fork()
        if process == 0:
            self._be_the_process(case, [str(argument) for argument in arguments], at)
        text = case / "printed"
        status = _wait(process)
        return {"status": status, "text": text.read_text(errors="replace") if text.exists() else ""}

    def _be_the_process(self, case: Path, arguments: list[str], at: int | None) -> None:
        work = case / "work"  # what is printed is not below it
        for folder in (work / "runs", work / "cache"):
            folder.mkdir(parents=True, exist_ok=True)
        os.chdir(work)
        os.environ["BIRADS_ZOO_CACHE"] = str(work / "cache")
        printed = os.open(case / "printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.close(printed)
        from birads_zoo.cli import main as birads_zoo

        if at is not None:
            self.shim.torture_arm(self.events, ctypes.c_long(at), self.error, int(self.persistent), str(work).encode())
        status: object = 99
        try:
            birads_zoo(arguments)
        except SystemExit as stopped:
            status = stopped.code
        finally:
            events = self.shim.torture_count()
            self.shim.torture_arm(0, ctypes.c_long(0), 0, 0, b"/nowhere")
            if at == 0:
                (case / "events").write_text(str(events))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(str(status or 0)))


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
