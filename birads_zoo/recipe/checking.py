"""Checks values against the types of fields, with errors that name the field and the nearest valid one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from birads_zoo.errors import UserError, did_you_mean, nearest
from birads_zoo.recipe.sections import Section

S = TypeVar("S", bound=msgspec.Struct)

_WORDS = {
    "int": "an integer",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list in square brackets",
    "object": "a table of keys",
    "null": "nothing",
}
_LIMITS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_EXPECTED_TYPES = re.compile(r"`(\w+(?: \| \w+)+)`")


def checked(values: Mapping[str, Any], kind: type[S], source: str) -> S:
    """Return `values` as a struct of `kind`; `source` is where they came from, for errors.

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
        raise UserError(f"{source}: {in_words(str(error), kind, prefix)}") from None


def nearest_keys(key: str, known: Sequence[str]) -> str:
    """Return a hint which of the `known` dotted keys `key` could mean, or a list of all of them.

    A key of a section, such as "training.lr", is compared with the other keys of that section, by what follows the dot.
    Keys of other sections count only if they end in the same way.
    """
    section, dot, last = key.rpartition(".")
    prefix = f"{section}{dot}"
    inside = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    same_end = [name for name in known if name.rpartition(".")[2] == last]
    candidates = list(dict.fromkeys([*same_end, *(f"{prefix}{name}" for name in nearest(last, inside))]))[:3]
    return did_you_mean(candidates) or f"known: {', '.join(f'{prefix}{name}' for name in inside)}."


def _check_keys(values: Mapping[str, Any], kind: type[msgspec.Struct], source: str) -> None:
    """Raise a `UserError` for an unknown key, with the nearest valid key, which msgspec does not name."""
    sections = dict(_sections(kind))
    dotted = [*kind.__struct_fields__, *(f"{name}.{field}" for name, fields in sections.items() for field in fields)]
    for key, value in values.items():
        if key not in kind.__struct_fields__:
            raise UserError(f"{source}: unknown key {key!r}; {nearest_keys(key, dotted)}")
        if key in sections and isinstance(value, Mapping):
            for field in value:
                if field not in sections[key]:
                    raise UserError(f"{source}: unknown key '{key}.{field}'; {nearest_keys(f'{key}.{field}', dotted)}")


def _sections(kind: type[msgspec.Struct]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield field.name, field.type.__struct_fields__


def in_words(message: str, kind: type[msgspec.Struct] | None = None, prefix: str = "") -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.training.epochs`" into a sentence that names the key.

    `kind` is the struct that was expected; with it, a wrong choice is answered with the valid choices. `prefix` goes
    before the key.
    """
    problem, _, place = message.partition(" - at ")
    key = place.strip("`").rpartition("$")[2].removeprefix(".")
    sentence = _expected(problem)
    if kind is not None and problem.startswith("Invalid enum value "):
        sentence = _none_of(problem.removeprefix("Invalid enum value "), key, kind)
    return f"key {prefix + key!r}: {sentence}" if key else sentence


def _expected(text: str) -> str:
    text = _EXPECTED_TYPES.sub(lambda match: " or ".join(map(_in_words, match[1].split(" | "))), text, count=1)
    text = re.sub(r"`(\w+)`", lambda match: _in_words(match[1]), text)
    for symbol, words in _LIMITS.items():
        text = text.replace(f" {symbol} ", f" {words} ")
    return f"{text[:1].lower()}{text[1:]}"


def _in_words(kind: str) -> str:
    return _WORDS.get(kind, f"'{kind}'")


def _none_of(value: str, key: str, kind: type[msgspec.Struct]) -> str:
    """Return a sentence with the choices of the field with this dotted key, and the nearest of them."""
    known = {repr(choice): str(choice) for choice in _choices(key, kind)}
    near = nearest(value.strip("'"), known.values())[:1]
    matches = [quoted for quoted, text in known.items() if text in near]
    hint = f"; did you mean {matches[0]}?" if matches else ""
    return f"{value} is none of {', '.join(sorted(known))}{hint}"


def _choices(key: str, kind: type[msgspec.Struct]) -> Iterator[Any]:
    """Yield the choices of the field with this key, or of the items in its lists and tables."""
    field_type: Any = kind
    for name in re.findall(r"\w+", key.partition("[")[0]):
        field_type = get_type_hints(field_type)[name]
    types = [field_type]
    while types:
        current = types.pop()
        if get_origin(current) is Literal:
            yield from get_args(current)
        else:
            types += get_args(current)
