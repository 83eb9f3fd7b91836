"""Executes all trials of reliability, prints their counts, and writes them into docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture import damage, faults, trial

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
Trials = Iterable[tuple[str, str]]  # what was tried, and what is wrong ("" for nothing)


def main() -> int:
    """Execute the trials; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="try every n-th event of each kind")
    parser.add_argument("--only", help="a part of the names of the rows to execute; the page is then not written")
    options = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        os.environ["BIRADS_ZOO_CACHE"] = str(Path(folder) / "cache")
        for name, run in rows(Path(folder), options.step).items():
            if options.only is None or options.only in name:
                table.append(row(name, run()))
    if options.only is None:
        text = PAGE.read_text(encoding="utf-8")
        lines = ["| trial | tried | failed |", "| --- | ---: | ---: |"]
        lines += [f"| {name} | {tried} | {failed} |" for name, tried, failed in table]
        marked = "<!-- trials -->\n" + "\n".join(lines) + "\n<!-- end -->"
        PAGE.write_text(re.sub(r"<!-- trials -->.*<!-- end -->", marked, text, flags=re.DOTALL), encoding="utf-8")
    return int(any(failed for _, _, failed in table))


def rows(folder: Path, step: int) -> dict[str, Callable[[], Trials]]:
    """Return the trials by the names of their rows in the table."""
    kinds = {
        "disk full from a file event on": "full",
        "I/O error at a file event": "input-output",
        "too many open files at a file event": "too-many-files",
        "file too large at a file event": "too-large",
        "killed (SIGKILL) at a file event": "killed",
        "no memory at a large allocation": "memory",
    }
    strides = {"full": 1, "killed": 2, "memory": 12}
    trials: dict[str, Callable[[], Trials]] = {
        name: lambda kind=kind: _faults(folder / kind, kind, step * strides.get(kind, 8))
        for name, kind in kinds.items()
    }
    trials["bit flipped in a store, a feature file or a checkpoint"] = lambda: damage.of_caches_and_checkpoints(
        stopped_run, folder / "stopped", 12
    )
    trials["bit flipped in a finished run"] = lambda: damage.of_a_finished_run(finished_run(folder / "finished"), 4)
    return trials


def row(name: str, trials: Trials) -> tuple[str, int, int]:
    """Execute the trials of a row, print what fails, and count."""
    started, tried, failed = time.monotonic(), 0, 0
    for what, wrong in trials:
        tried += 1
        failed += bool(wrong)
        if wrong:
            print(f"  {what}: {wrong}", flush=True)
    print(f"{name}: {tried} tried, {failed} failed ({time.monotonic() - started:.0f} s)", flush=True)
    return name, tried, failed


def _faults(folder: Path, kind: str, step: int) -> Iterator[tuple[str, str]]:
    for line in faults.trials(folder, kind, step, processes=os.cpu_count() or 1):
        if "event" in line:
            printed = f"{line['faulty']['text'][-300:]} {line['again'] and line['again']['text'][-300:]}"
            yield f"event {line['event']}", f"{line['wrong']} {printed}" if line["wrong"] else ""


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
