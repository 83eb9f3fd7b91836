"""The tool behind `make mutants`: the changes that it makes, its sample of them, and the tests that it runs."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = '''"""A module."""
LIMIT = 4

def shortened(names: list[str], count: int = 0, *, strict: bool) -> list[str]:
    """Return at most `LIMIT` + 1 names."""
    assert count < 9
    if not strict and len(names) <= LIMIT:
        return sorted(names, reverse=True)
    names.sort()
    return min(names[count - 1 :], pair(names, count))
'''


@pytest.fixture
def tool(monkeypatch):
    """The tool's two modules."""
    monkeypatch.syspath_prepend(str(HERE))
    import choose
    import mutate

    return choose, mutate


@pytest.fixture
def changes(tool, tmp_path):
    """Return every change of a source: the new lines, by operator."""

    def make(source):
        (tmp_path / "code.py").write_text(source)
        changes_of = {}
        for mutant in tool[1].mutants_of(tmp_path, "code.py"):
            left = mutant.applied(source.encode()).decode()
            if tool[1].is_change(source.encode(), mutant):
                new = [line.strip() for line in left.splitlines() if line not in source.splitlines()]
                changes_of.setdefault(mutant.operator, []).append(" ".join(new))
        return changes_of

    return make


def test_each_operator_changes_what_it_is_named_after(changes):
    by_operator = changes(SOURCE)
    assert by_operator == {
        "constant": [
            "LIMIT = 40",
            "def shortened(names: list[str], count: int = 1, *, strict: bool) -> list[str]:",
            "return sorted(names, reverse=False)",
            "return min(names[count - 2 :], pair(names, count))",
        ],
        "condition": ["if not (not strict and len(names) <= LIMIT):"],
        "and/or": ["if not strict or len(names) <= LIMIT:"],
        "not": ["if  strict and len(names) <= LIMIT:"],
        "comparison": ["if not strict and len(names) < LIMIT:", "if not strict and len(names) > LIMIT:"],
        "keyword removed": ["return sorted(names)"],
        "call removed": ["pass"],
        "name": ["return max(names[count - 1 :], pair(names, count))"],
        "arithmetic": ["return min(names[count + 1 :], pair(names, count))"],
        "arguments swapped": ["return min(names[count - 1 :], pair(count, names))"],
        "returned": ["return names", "return names"],
    }


def test_a_change_keeps_its_key_when_code_around_it_changes(tool, tmp_path):
    def keys(source):
        (tmp_path / "code.py").write_text(source)
        return [mutant.key for mutant in tool[1].mutants_of(tmp_path, "code.py")]

    before = keys(SOURCE)
    assert len(set(before)) == len(before)
    after = keys(SOURCE.replace("LIMIT = 4", "LIMIT = 4\n\ndef other(a):\n    return a + 1\n"))
    assert set(before) < set(after)


def test_a_sample_is_the_same_each_time_and_takes_few_changes_of_a_file_or_kind(tool):
    choose, _ = tool
    files = [file for file in choose.files_of(ROOT) if file.startswith("birads_zoo/evaluation/")]
    first, again = (choose.sample(ROOT, files, 20) for _ in range(2))
    assert first == again
    assert len(first) == 20
    for name, most in (("file", 2), ("operator", 4)):
        values = [getattr(mutant, name) for mutant in first]
        assert max(map(values.count, values)) <= most


@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("birads_zoo/data/placement/geometry.py", "tests/data/test_geometry.py"),
        ("birads_zoo/artifact/ensemble.py", "tests/artifact/test_predict.py"),
        ("plugins/birads_zoo_plugins/datasets/_kaumds.py", "tests/plugins/datasets/test_kaumds.py"),
    ],
)
def test_the_nearest_tests_come_first_and_none_twice(tool, file, first):
    near, far = tool[0].find_tests(ROOT, file)
    assert near[0] == first
    assert len(set(near) | set(far)) == len(near) + len(far)
    assert all((ROOT / path).is_file() for path in (*near, *far))


def test_every_file_has_tests(tool):
    choose, mutate = tool
    changed = [file for file in choose.files_of(ROOT) if mutate.mutants_of(ROOT, file)]
    assert [file for file in changed if not any(choose.find_tests(ROOT, file))] == []


def test_changes_that_are_listed_as_equivalent_are_there():
    listed = tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8")).get("mutant", [])
    for entry in listed:
        source = (ROOT / entry["file"]).read_text(encoding="utf-8")
        lines = {" ".join(line.split()) for line in source.splitlines()}
        assert entry["removed"] in lines, f"{entry['file']} no longer has {entry['removed']!r}: remove it from the list"
        assert entry["reason"]


@pytest.mark.slow
def test_a_change_that_a_test_notices_is_counted(tmp_path):
    command = [sys.executable, HERE, "birads_zoo/evaluation/ordinal.py", "--number", "2", "--jobs", "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    assert done.stdout.startswith("2 of 2 changes noticed: 100.0 %")
    assert list(tmp_path.iterdir()) == []
