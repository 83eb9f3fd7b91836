"""Runs and counts the tests marked `gpu`. Writes `gpu-tests.json`; exits as pytest does, with 1 if a test failed.

python bench/gpu_tests.py
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.runs.environment import describe_machine

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
PROCESSES = 16  # at most: steps other than training keep one core busy and the GPU idle


class Outcomes:
    """A pytest plugin that keeps every test's outcome, and prints at once why a test failed."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of a test's worst phase."""
        if report.failed or report.skipped or (report.when == "call" and report.nodeid not in self.ended):
            self.ended[report.nodeid] = report.outcome
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            print(f"\n{report.nodeid}: {crash.message if crash else report.longreprtext}", flush=True)


def main() -> None:
    """Run the tests and write their outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    # Tests of the top folder train whole runs on both devices: they start first, because they take longest.
    marked = sorted(
        (str(path) for path in TESTS.rglob("test_*.py") if "mark.gpu" in path.read_text(encoding="utf-8")),
        key=lambda path: (path.count("/"), path),
    )
    outcomes = Outcomes()
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // PROCESSES))
    compute = choose_compute("auto", "auto")
    parallel = ["-n", "auto", "--maxprocesses", str(PROCESSES)] if compute.device.type == "cuda" else []
    disabled = ["-p", "no:cacheprovider", "-p", "no:benchmark"]  # pytest-benchmark, if installed, warns with xdist
    status = pytest.main(["-q", "-m", "gpu", *disabled, *parallel, *marked], plugins=[outcomes])
    ended = outcomes.ended
    report = {
        "counts": {kind: list(ended.values()).count(kind) for kind in ("passed", "failed", "skipped")},
        "tests": ended,
        "environment": msgspec.to_builtins(describe_machine(compute)),
    }
    write_text(arguments.out / "gpu-tests.json", json.dumps(report, indent=2) + "\n")
    sys.exit(int(status))


if __name__ == "__main__":
    main()
