"""Every field of the recipe has a test that shows its effect."""

import ast
from pathlib import Path

import msgspec

from birads_zoo.recipe import Recipe


def fields(kind=Recipe, prefix=""):
    """Yield the dotted names of all fields that hold a value, not a section."""
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from fields(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def shown():
    """Yield the fields that tests of this folder name in `@pytest.mark.follows(…)`."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.follows":
                yield from (argument.value for argument in node.args)


def test_every_field_has_a_test_of_its_effect():
    known, tested = set(fields()), set(shown())
    missing, gone = sorted(known - tested), sorted(tested - known)
    assert not missing, f"add a test marked with pytest.mark.follows here for {', '.join(missing)}"
    assert not gone, f"the recipe no longer has {', '.join(gone)}"
