"""Runs tests in forks of this process, which has imported the heavy libraries, so that each trial starts at once.

Reads one JSON list with arguments of pytest per line, and writes `[exit status, first failed test]` for each.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

HEAVY = (  # no module of the project itself, because these are changed
    *("captum.attr", "hypothesis", "kornia.augmentation", "matplotlib.pyplot", "openpyxl", "pandas", "pydicom"),
    *("safetensors.torch", "scipy.stats", "sklearn.discriminant_analysis", "sklearn.linear_model"),
    *("sklearn.neural_network", "timm", "torch", "torchvision"),
)
LONGEST = 900  # seconds; a change that makes a loop endless is noticed by tests that never end


class First:
    """A plugin that keeps the name of the first test that fails, or cannot be collected."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._keep(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._keep(report)

    def _keep(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


def run(arguments: Sequence[str], answer: int) -> NoReturn:
    """Run pytest without any output, write the result to the file descriptor `answer`, and end this process."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    signal.alarm(LONGEST)
    first = First()
    status = int(pytest.main([*arguments], plugins=[first]))
    os.write(answer, json.dumps([status, first.name]).encode())
    os._exit(0)


def main() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / "plugins")]
    for line in sys.stdin:
        read, write = os.pipe()
        if not os.fork():
            os.close(read)
            run(json.loads(line), write)
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        os.wait()
        print(text or '[1, "a test that never ended"]', flush=True)


if __name__ == "__main__":
    main()
