"""Executes parts of the test suite as trials."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parents[1]


def cases(folder: Path, *selected: str, slow: bool) -> Iterator[tuple[str, str]]:
    """Execute the selected tests; yield the name of each, and the first line of what is wrong ("" for nothing).

    Tests that are skipped are left out. `folder` is where they write.
    """
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), "--dist", "load"]
    chosen = ["-m", "not gpu" if slow else "not slow and not gpu", *(str(TESTS / name) for name in selected)]
    places = [f"--basetemp={folder / 'tests'}", f"--junitxml={report}"]
    done = subprocess.run([*command, *places, *chosen], cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, *([] if slow else [5])), done.stdout[-3000:]  # 1: tests failed, 5: all are slow
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is None:
            failure = case.find("failure")
            wrong = case.find("error") if failure is None else failure
            yield case.get("name", ""), "" if wrong is None else wrong.get("message", "it failed").splitlines()[0]
