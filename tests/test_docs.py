"""The documentation's links and the paths that it names lead somewhere."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "bench").rglob("README.md")])


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", ["architecture.md", "faithfulness.md", "intervals.md", "testing.md"])
def test_modules_exist(page):
    """A path with a folder begins at the project or the package; a bare name is somewhere in the package."""
    paths = set(re.findall(r"`([\w./]+\.py)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert paths, "the page names no module"
    for path in sorted(paths):
        exists = (ROOT / path).exists() or (ROOT / "birads_zoo" / path).exists()
        assert exists or ("/" not in path and any((ROOT / "birads_zoo").rglob(path))), f"no {path}"


def test_dotted_names_exist():
    """Names in the package: those that end in a class, such as `recipe.Recipe`, and those of three parts or more."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    dotted = set(re.findall(r"`((?:[a-z_]+\.)+[A-Z]\w*|(?:[a-z_]+\.){2,}[a-z_]+)`", text))
    assert "results.explanations.Explanations" in dotted
    for name in sorted(dotted):
        if not list((ROOT / "birads_zoo").glob(f"{name.split('.')[0]}*")):
            continue  # another library's
        module, _, last = name.rpartition(".")
        assert hasattr(import_module(f"birads_zoo.{module}"), last), f"no {name}"
