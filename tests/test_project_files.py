"""The files for people who work on the project: what they name is there, and what they say can be done works."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from birads_zoo import __version__, conformance

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
GUIDES = {
    text.splitlines()[0]: text
    for text in re.split(r"^## ", CONTRIBUTING, flags=re.MULTILINE)
    if text.startswith("Add a ")
}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, *WORKFLOWS], ids=lambda page: page.name)
def test_make_targets_are_there(page):
    named = set(re.findall(r"(?:`|run: |\$ )make ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named <= TARGETS, f"{page.name} names make targets that are not there: {sorted(named - TARGETS)}"


@pytest.mark.parametrize("title", GUIDES)
def test_a_guide_fits_on_a_screen_and_names_what_is_there(title):
    assert len(GUIDES[title].splitlines()) <= 40
    for path in re.findall(r"`((?:plugins|tests|docs|examples)/[\w./]+)`", GUIDES[title]):
        assert "NAME" in path or (ROOT / path).exists(), f"{title!r} names {path}"
    (check,) = re.findall(r"conformance\.(\w+)", GUIDES[title])
    assert check in conformance.__all__


def test_the_guides_are_those_that_were_promised():
    assert set(GUIDES) == {"Add a data set", "Add a backbone", "Add a loss"}


@pytest.mark.parametrize("title", GUIDES)
def test_a_guides_example_can_be_copied_and_registered(title, zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example, copy = re.findall(r"^\$ cp (\S+) (\S+)", GUIDES[title], flags=re.MULTILINE)[0]
    shutil.copy(ROOT / example, copy)
    (command,) = re.findall(r"^\$ birads-zoo (register \S+)", GUIDES[title], flags=re.MULTILINE)
    ended = zoo(*command.split())
    assert (ended.status, ended.err) == (0, "")
    runs = "\n".join(re.findall(r"^\$ birads-zoo run .+", GUIDES[title], flags=re.MULTILINE))
    named = set(re.findall(r"--(?:dataset|backbone|loss) ([\w-]+)", runs)) - {"phantom", "baseline_cnn"}
    assert re.findall(r"^registered .+ '(.+)'", ended.out, flags=re.MULTILINE) == [*named]


def test_the_version_is_written_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert f'__version__ = "{__version__}"' in (ROOT / "birads_zoo" / "version.py").read_text(encoding="utf-8")
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_changelog_has_a_section_for_what_comes():
    assert re.search(r"^## \[Unreleased\]$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_lowest_python_is_the_one_that_is_tested():
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    tested = re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.+)\]", workflow)[1])
    assert lowest == f">={tested[0]}"


def test_every_dependency_has_bounds():
    """The lowest versions are tested by `make lowest`, the highest by every fresh environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [names for extra, names in project["optional-dependencies"].items() if extra != "dev"]
    unbounded = [
        requirement
        for requirement in (*project["dependencies"], *(name for names in extras for name in names))
        if not re.fullmatch(r"[a-z0-9-]+>=[0-9.]+,<[0-9]+", requirement)
    ]
    assert unbounded == []
