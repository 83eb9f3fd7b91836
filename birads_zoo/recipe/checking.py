"""Values checked against the types of fields, with errors that name the field and the nearest valid one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from birads_zoo.errors import UserError
from birads_zoo.recipe.sections import Section

S = TypeVar("S", bound=msgspec.Struct)


def checked(values: Mapping[str, Any], kind: type[S], source: str) -> S:
    """Return `values` as a struct of `kind`; `source` says in errors where they came from.

    Raises:
        UserError: for an unknown key, in `values` or in one of its sections, and for a value of the wrong type.

    """
    _check_keys(values, kind, source)
    return converted(values, kind, source)


def converted(values: Mapping[str, Any], kind: type[S], source: str, prefix: str = "") -> S:
    """Return `values`, whose keys are known, as a struct of `kind`; `prefix` goes before a key in errors."""
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{source}: {_plain(str(error), kind, prefix)}") from None


def nearest(key: str, known: Sequence[str]) -> str:
    """Say which of the `known` dotted keys could be meant by `key`, or name them all."""
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
    by_last = [name for name in known if name.split(".")[-1] == key.split(".")[-1]]
    candidates = list(dict.fromkeys(by_last + near))[:3]
    if candidates:
        return f"did you mean {' or '.join(repr(name) for name in candidates)}?"
    return f"known: {', '.join(known)}."


def _check_keys(values: Mapping[str, Any], kind: type[msgspec.Struct], source: str) -> None:
    """Name the nearest valid key for each unknown one, which msgspec alone does not."""
    sections = dict(_sections(kind))
    dotted = [*kind.__struct_fields__, *(f"{name}.{field}" for name, fields in sections.items() for field in fields)]
    for key, value in values.items():
        if key not in kind.__struct_fields__:
            raise UserError(f"{source}: unknown key {key!r}; {nearest(key, dotted)}")
        if key in sections and isinstance(value, Mapping):
            for field in value:
                if field not in sections[key]:
                    raise UserError(f"{source}: unknown key '{key}.{field}'; {nearest(f'{key}.{field}', dotted)}")


def _sections(kind: type[msgspec.Struct]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield field.name, field.type.__struct_fields__


def _plain(message: str, kind: type[msgspec.Struct], prefix: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.training.epochs`" into a sentence that names the key."""
    what, _, where = message.replace("`", "'").partition(" - at ")
    own = where.strip("'").removeprefix("$.")
    if not own:
        return what
    key = prefix + own
    if what.startswith("Expected 'object'"):
        return f"key {key!r}: expected a section of keys, got a single value"
    if what.startswith("Expected 'array'"):
        return f"key {key!r}: expected a list in square brackets, {what.split(', ')[-1]}"
    if what.startswith("Invalid enum value "):
        value = what.removeprefix("Invalid enum value ").strip("'")
        known = sorted(_choices(own, kind))
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"key {key!r}: {value!r} is none of {', '.join(map(repr, known))}{hint}"
    return f"key {key!r}: {what[0].lower()}{what[1:]}"


def _choices(key: str, kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return what the field with this dotted key may be, where it is a choice."""
    found: Any = kind
    for field in key.split("."):
        found = get_type_hints(found)[field]
    return get_args(found)
