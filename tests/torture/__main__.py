"""Executes the trials of docs/reliability.md, and prints their counts."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture import damage, faults, suites, trial

FAULTS = {
    "full": "the disk is full from a file event on",
    "input-output": "an input/output error at a file event",
    "too-many-files": "too many open files at a file event",
    "too-large": "a file that is too large at a file event",
    "killed": "killed (SIGKILL) at a file event",
    "memory": "no memory for a large allocation",
}
SOME = {"full": 3, "killed": 3, "input-output": 9, "too-many-files": 9, "too-large": 9, "memory": 24}
EVERY = dict.fromkeys(FAULTS, 1)
SUITES = {
    "killed or stopped by a signal, then resumed (tests)": (
        "cli/test_resume.py::test_a_killed_run_ends_with_the_same_weights_bit_for_bit",
        "cli/test_resume.py::test_a_signal_ends_a_run_after_its_step_and_it_goes_on_bit_for_bit",
        "cli/test_resume.py::test_a_signal_while_pictures_are_decoded_ends_at_once_and_leaves_nothing",
        "training/test_loop.py::test_a_signal_ends_training_after_the_step_and_resuming_gives_the_same_bits",
    ),
    "hostile files (tests)": ("hostile",),
    "malformed requests, foreign hosts, slow and leaving clients (tests)": (
        "serving/test_malformed.py",
        "serving/test_access.py",
        "serving/test_connections.py",
    ),
    "2,000 requests to one server, whose memory must stay as it was (a test)": (
        "serving/test_app.py::test_two_thousand_requests_leave_the_memory_as_it_was",
    ),
}
"""The tests of each row of the table, below `tests`."""


def main() -> int:
    """Execute the trials; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="try every event")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        folder = Path(place)
        os.environ["BIRADS_ZOO_CACHE"] = str(folder / "cache")
        for tried in faults.trials(folder / "faults", EVERY if options.all else SOME, processes=os.cpu_count() or 1):
            table.add(FAULTS[tried["fault"]], f"event {tried['event']}", _wrong(tried))
        flips = 40 if options.all else 8
        for what, wrong in damage.of_a_finished_run(finished_run(folder / "finished"), flips):
            table.add("a bit flipped in a file of a finished run", what, wrong)
        trial.leave_out_what_takes_time()
        for what, wrong in damage.of_caches_and_checkpoints(stopped_run, folder / "stopped", flips):
            table.add("a bit flipped in a pixel store, a file of features or a checkpoint", what, wrong)
        for name, selected in SUITES.items():
            for what, wrong in suites.cases(folder, *selected, slow=options.all):
                table.add(name, what, wrong)
    print("\n".join(table.lines()))
    return int(any(table.failed.values()))


class Table:
    """Counts trials by the name of their row, and prints each that fails."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._started = time.monotonic()

    def add(self, row: str, what: str, wrong: str) -> None:
        """Count a trial; `wrong` says what is wrong, "" for nothing."""
        if row not in self.tried:
            print(f"{time.monotonic() - self._started:.0f} s: {row}", flush=True)
        self.tried[row] += 1
        self.failed[row] += bool(wrong)
        if wrong:
            print(f"  {row}, {what}: {wrong}", flush=True)

    def lines(self) -> list[str]:
        """Return the table in Markdown."""
        rows = [f"| {row} | {tried:,} | {self.failed[row]} |" for row, tried in self.tried.items()]
        return ["| trial | tried | failed |", "| --- | ---: | ---: |", *rows]


def _wrong(trial: dict[str, Any]) -> str:
    if not trial["wrong"]:
        return ""
    printed = [process["text"][-300:] for process in (trial["faulty"], trial["again"]) if process]
    return "; ".join(trial["wrong"]) + "".join(f"\n{text}" for text in printed)


def finished_run(folder: Path) -> Path:
    """Execute a small run with figures, and return its folder."""
    faults.write_pictures(folder / "data")
    status, text = damage.command("run", "--root", folder / "data", *trial.RUN, "--out", folder / "runs")
    assert status == 0, text
    return folder / "runs" / "baseline_cnn"


def stopped_run(folder: Path) -> None:
    """Execute a small run on frozen features, and stop it by a signal in its second fold."""
    import signal

    from birads_zoo.training import loop

    faults.write_pictures(folder / "data")
    os.environ["BIRADS_ZOO_CACHE"] = str(folder / "cache")
    update, steps = loop._update, []

    def counting(*arguments: object) -> None:
        update(*arguments)
        steps.append(None)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGTERM)

    loop._update = counting
    frozen = ["--set", "model.freeze=all", "--augmentation", "none", "--set", "training.batch_size=8"]
    status, text = damage.command(
        "run", "--root", folder / "data", *trial.RUN, *frozen, "--epochs", 2, "--out", folder / "runs"
    )
    loop._update = update
    assert status == 128 + signal.SIGTERM, text


if __name__ == "__main__":
    sys.exit(main())
