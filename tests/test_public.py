"""The public names: `birads_zoo.__all__` and the public modules. Everything else may change without notice."""

import ast
import importlib
import inspect
import pkgutil
import re
import typing
from pathlib import Path

import pytest

import birads_zoo

ROOT = Path(__file__).parents[1]
MODULES = ("birads_zoo.cells", "birads_zoo.conformance", "birads_zoo.dicom", "birads_zoo.sheets", "birads_zoo.tables")
"""The modules that may be imported in addition to `birads_zoo` itself."""
PUBLIC = [(module, name) for module in ("birads_zoo", *MODULES) for name in importlib.import_module(module).__all__]
STRANGERS = sorted([*(ROOT / "plugins").rglob("*.py"), *(ROOT / "examples").rglob("*.py")])
"""The bundled plugins and the examples: they may import only what other people's plugins may import."""


def test_the_type_checker_sees_the_names_that_exist():
    tree = ast.parse(Path(birads_zoo.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name for node in block.body for alias in node.names}
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    assert imported == set(birads_zoo.__all__)
    assert len(set(birads_zoo.__all__)) == len(birads_zoo.__all__)
    assert set(birads_zoo._PLACES) <= set(birads_zoo.__all__)
    for node in block.body:
        for alias in node.names:
            assert getattr(birads_zoo, alias.name) is getattr(importlib.import_module(node.module), alias.name)


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_everything_public_is_documented(module, name):
    value = getattr(importlib.import_module(module), name)
    if callable(value) and name != "hookimpl":
        assert inspect.getdoc(value), f"{module}.{name} has no docstring"
    if inspect.isfunction(value):
        hints = typing.get_type_hints(value) if module != "birads_zoo" else value.__annotations__
        untyped = {*inspect.signature(value).parameters, "return"} - set(hints)
        assert not untyped, f"{module}.{name} has no type for {', '.join(untyped)}"


def test_the_guide_lists_the_public_modules():
    guide = (ROOT / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^\| `([\w.]+)` \|", guide[guide.index("## What is public") :], flags=re.MULTILINE))
    assert listed == {"birads_zoo", *MODULES}


def test_no_public_name_is_that_of_a_module():
    modules = {module.name for module in pkgutil.iter_modules(birads_zoo.__path__)}
    assert not modules & set(birads_zoo.__all__), "the import of that module would put it in the function's place"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'birads_zoo' has no attribute 'trian'"):
        birads_zoo.trian  # noqa: B018
    assert set(birads_zoo.__all__) <= set(dir(birads_zoo))


@pytest.mark.parametrize("path", STRANGERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_only_what_is_public(path):
    """Check also imports that are only for type checking, which import-linter skips."""
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        imported = {module for module in modules if module and module.split(".")[0] == "birads_zoo"}
        assert imported <= {"birads_zoo", *MODULES}, f"line {node.lineno} imports what is not public"
