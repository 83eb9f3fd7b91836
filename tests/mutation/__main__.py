"""`python tests/mutation`: makes 150 small changes to the code, and checks that a test fails each time.

Each change is made in a copy of the project, and the nearest tests are run there until one fails. Prints how many
changes were noticed, and each unnoticed change as a diff. The exit status is 1 if the share of noticed changes is below
`--at-least`.
"""

import argparse
import contextlib
import difflib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest
from choose import files_of, find_tests, sample
from mutate import Mutant

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
COPIED = ("birads_zoo", "plugins", "tests", "bench", "docs", "examples")
A_TEST = 120  # seconds at most


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The result of a mutant: the test that noticed it ("" if none did), and how long that took."""

    mutant: Mutant
    noticed: str
    seconds: float


class Copy:
    """A copy of the project, in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            large = {"bench": ("results",), "docs": ("images",)}.get(name, ())
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", *large))
        for path in ROOT.iterdir():
            if path.is_file() and path.suffix in (".toml", ".md", ""):
                shutil.copy2(path, folder)
        self.clock = time.time()
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        paths = os.pathsep.join((str(folder), str(folder / "plugins")))
        scratch = folder / "scratch"  # temporary files of tests are removed with the copy
        scratch.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, folder / "tests" / "mutation" / "trial.py"],
            cwd=folder,
            env={**kept, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "TMPDIR": str(scratch)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Run pytest on `arguments`; return its exit status and the name of the first test that failed."""
        options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        options += [f"--timeout={A_TEST}", "--basetemp", str(self.folder / "tmp")]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([*options, *arguments]), file=self.process.stdin, flush=True)
        status, name = json.loads(self.process.stdout.readline())
        if status == pytest.ExitCode.USAGE_ERROR:  # the paths are there, so it is their conftest.py that failed
            return 1, "conftest.py"
        if status not in (0, 1, 2, 5):
            raise SystemExit(f"pytest could not run {' '.join(arguments)} (exit status {status})")
        return status % 5, name  # 5: all of these tests are marked slow

    def try_out(self, mutant: Mutant) -> Trial:
        """Run the tests of a mutant's file on it until one fails."""
        path = self.folder / mutant.file
        source = path.read_bytes()
        started, status, name = time.monotonic(), 0, ""
        try:
            self._write(path, mutant.applied(source))
            for tests in find_tests(self.folder, mutant.file):
                if status == 0 and tests:
                    status, name = self.test(["-x", *tests])
        finally:
            self._write(path, source)
        return Trial(mutant=mutant, noticed=name if status else "", seconds=time.monotonic() - started)

    def close(self) -> None:
        """End its process."""
        self.process.terminate()
        self.process.wait()

    def _write(self, path: Path, source: bytes) -> None:
        path.write_bytes(source)
        self.clock += 1  # Python compares the times of compiled files in whole seconds
        os.utime(path, (self.clock, self.clock))


def diff(mutant: Mutant) -> str:
    """Return a mutant as a unified diff."""
    source = (ROOT / mutant.file).read_bytes()
    before, after = (text.decode().splitlines(keepends=True) for text in (source, mutant.applied(source)))
    return "".join(difflib.unified_diff(before, after, f"a/{mutant.file}", f"b/{mutant.file}", n=2))


def changed(mutant: Mutant) -> tuple[str, str, str]:
    """Return a mutant's file and the lines that it removes and adds: the key of the list of equivalent mutants."""
    lines = [line for line in diff(mutant).splitlines() if not line.startswith(("---", "+++", "@@"))]
    removed, added = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return mutant.file, removed, added


def equivalents() -> dict[tuple[str, str, str], str]:
    """Return the listed mutants that do the same as the code, with the reason for each."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return {(entry["file"], entry["removed"], entry["added"]): entry["reason"] for entry in listed}


def tried(mutants: Sequence[Mutant], jobs: int) -> list[Trial]:
    """Try all mutants, `jobs` at a time, and check that each test that noticed a mutant passes without it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, contextlib.ExitStack() as ended:
        free: SimpleQueue[Copy] = SimpleQueue()
        for job in range(jobs):
            copy = Copy(Path(folder) / str(job))
            ended.callback(copy.close)
            free.put(copy)
        done = itertools.count(1)

        def try_one(mutant: Mutant) -> Trial:
            copy = free.get()
            try:
                trial = copy.try_out(mutant)
            finally:
                free.put(copy)
            progress = f"{next(done)}/{len(mutants)} {trial.seconds:4.0f} s {mutant.operator} in {mutant.file}"
            print(f"{progress}: {trial.noticed or 'NOT NOTICED'}", file=sys.stderr, flush=True)
            return trial

        with ThreadPoolExecutor(jobs) as pool:
            trials = list(pool.map(try_one, mutants))
        copy = free.get()
        status, name = copy.test(["--collect-only", "tests"])  # a copy may lack a folder
        if not status:
            status, name = copy.test(sorted({trial.noticed for trial in trials if "::" in trial.noticed}))
        if status:
            raise SystemExit(f"{name} fails without any change, so it shows nothing")
    return trials


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", help="files or folders to change; all that are tested so if none is given")
    parser.add_argument("--number", type=int, default=150, help="number of changes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-least", type=float, default=0.97, help="share of the changes that tests must notice")
    given = parser.parse_args()
    files = [file for file in files_of(ROOT) if not given.paths or any(file.startswith(path) for path in given.paths)]
    known = equivalents()
    diffs = {mutant: diff(mutant) for mutant in sample(ROOT, files, given.number) if changed(mutant) not in known}
    started = time.monotonic()
    trials = tried(list(diffs), given.jobs)
    missed = [trial.mutant for trial in trials if not trial.noticed]
    for mutant in missed:
        print(f"\nnot noticed ({mutant.operator} in {mutant.function or 'the module'}):\n{diffs[mutant]}")
    share = 1 - len(missed) / len(trials)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(trials) - len(missed)} of {len(trials)} changes noticed: {100 * share:.1f} % ({minutes:.0f} min)")
    sys.exit(share < given.at_least)


if __name__ == "__main__":
    main()
