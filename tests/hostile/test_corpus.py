"""Hostile inputs: no reader crashes, hangs, fills the memory, runs code or touches another file; each gets a reason."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hostile.case import Base, Case
from hostile.corpus import all_cases, in_quick_tests
from hostile.runner import Runner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the runner reads /proc")

CASES = all_cases()
LONGEST = 4000
"""Characters of a reason."""
MEMORY = 1_000_000_000
"""Bytes above what the process had before it read an input."""


@pytest.fixture(scope="session")
def base(tmp_path_factory, finished, exported):
    secret = tmp_path_factory.mktemp("secret")
    (secret / "secret.txt").write_bytes(bytes(5000))
    return Base(run=finished[0], model=exported, secret=Path(os.path.realpath(secret)))


@pytest.fixture(scope="session")
def runner(tmp_path_factory, base):
    runner = Runner(Path(os.path.realpath(tmp_path_factory.mktemp("hostile"))), base.secret)
    yield runner
    runner.close()


@pytest.fixture
def folder(runner, request):
    """An empty folder but for a link to what must not be read. It is deleted after the test: some files are large."""
    folder = runner.folder / "case"
    folder.mkdir()
    (folder / "secret").symlink_to(runner.secret)
    yield folder
    shutil.rmtree(folder)


def state_of(folder: Path) -> list[tuple[str, int, int]]:
    found = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(path.name, state.st_size, state.st_mtime_ns) for path, state in found]


def parameters() -> list[object]:
    quick = [in_quick_tests(number, case) for number, case in enumerate(CASES)]
    marks = [() if is_quick else (pytest.mark.slow,) for is_quick in quick]
    names = [case.name.encode("ascii", "backslashreplace").decode()[:90] for case in CASES]
    ids = [f"{number}-{name}" for number, name in enumerate(names)]
    return [pytest.param(case, marks=mark, id=name) for case, mark, name in zip(CASES, marks, ids, strict=True)]


@pytest.mark.parametrize("case", parameters())
def test_a_hostile_input_gets_a_reason_and_does_no_harm(case: Case, folder, base, runner):
    path = case.make(folder, base)
    before = state_of(folder)
    answer = runner.read(case.reader, path)
    assert answer["outcome"] in ("read", "refused"), answer["reason"]
    assert answer["outcome"] == "refused" or not case.refused, "it was read without a reason to doubt it"
    assert answer["outcome"] == "read" or not case.control, answer["reason"]
    assert "\n" not in answer["reason"], "a reason is one line"
    assert len(answer["reason"]) < LONGEST, answer["reason"][:LONGEST]
    assert answer["grown"] < MEMORY, f"it takes {answer['grown'] / 1e6:.0f} MB"
    assert answer["outside"] == []
    assert answer["executed"] == []
    assert state_of(folder) == before, "reading has changed a file, or left one"


def test_there_are_at_least_four_hundred_inputs_of_every_kind():
    assert len(CASES) >= 400
    assert len({case.name for case in CASES}) == len(CASES)
    quick = [case for number, case in enumerate(CASES) if in_quick_tests(number, case)]
    assert {case.reader for case in quick} == {case.reader for case in CASES}, "a reader has no input in `make test`"
