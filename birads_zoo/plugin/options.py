"""The options of parts: reads a recipe's values as typed options, and describes each option for users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from birads_zoo.errors import UserError, did_you_mean, nearest
from birads_zoo.interfaces import Options
from birads_zoo.recipe.checking import converted, in_words

_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "a multiple of", "pattern": "matching"}


@dataclass(frozen=True, kw_only=True)
class OptionField:
    """One option: its name, its type with limits in words, its default, and what it means ("" where not stated)."""

    name: str
    type: str
    default: Any
    meaning: str


def read_options(kind: type[Options], values: Mapping[str, Any], who: str, key: str) -> Options:
    """Return `values` as options of `kind`; `who` names the part in errors ("loss 'focal'").

    `key` is the recipe's key for them ("loss.options").

    Raises:
        UserError: for an option that the part does not have, with the nearest name, and for a value of the wrong type.

    """
    known = kind.__struct_fields__
    for name in values:
        if name not in known:
            raise UserError(f"{who} has no option {name!r}; {_hint(name, known)}")
    return converted(values, kind, who, f"{key}.")


def option_fields(kind: type[Options]) -> tuple[OptionField, ...]:
    """Return the fields of the options class `kind`, in order."""
    types = get_type_hints(kind, include_extras=True)
    return tuple(
        OptionField(
            name=field.name,
            type=_in_words(types[field.name]),
            default=msgspec.to_builtins(field.default if field.default is not msgspec.NODEFAULT else _default(field)),
            meaning=_meaning(types[field.name]),
        )
        for field in msgspec.structs.fields(kind)
    )


def fault_of_options(kind: object) -> str:
    """Return what is wrong with a spec's `options`; "" when nothing is."""
    if not isinstance(kind, type) or not issubclass(kind, Options):
        return "whose `options` is not a subclass of birads_zoo.Options"
    try:
        fields = msgspec.structs.fields(kind)
    except (NameError, TypeError) as error:
        return f"whose options {kind.__name__} have a type that cannot be read ({error})"
    types = get_type_hints(kind)
    for field in fields:
        if field.required:
            return f"whose option {field.name!r} has no default"
        if not _fits_toml(types[field.name]):
            return (
                f"whose option {field.name!r} is {_in_words(field.type)}, which a recipe cannot hold: its type has to "
                "be made of bool, int, float, str, Literal, tuple, list and dict"
            )
    try:
        msgspec.convert(msgspec.to_builtins(kind()), kind)
    except (TypeError, ValueError, msgspec.ValidationError) as error:
        return f"whose options {kind.__name__} have a default whose type is not the stated one ({in_words(str(error))})"
    return ""


def _fits_toml(kind: Any) -> bool:
    """Whether every value of this type can be written as TOML and read back."""
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    if get_origin(kind) is Literal:
        return all(isinstance(argument, str | int) for argument in arguments)
    if get_origin(kind) is dict:
        return arguments[0] is str and _fits_toml(arguments[1])
    if get_origin(kind) in (tuple, list, Union, UnionType):
        return all(map(_fits_toml, arguments))
    return kind in (bool, int, float, str)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    assert field.default_factory is not msgspec.NODEFAULT, "fault_of_options refuses fields without a default"
    return field.default_factory()


def _hint(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return "it has no options"
    return did_you_mean(nearest(name, known)) or f"its options are {', '.join(known)}"


def _in_words(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        limits = [
            f"{word} {getattr(note, limit)}"
            for note in notes
            if isinstance(note, msgspec.Meta)
            for limit, word in _LIMITS.items()
            if getattr(note, limit) is not None
        ]
        return ", ".join([_in_words(base), *limits])
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (tuple, list):
        return f"list of {_in_words(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "table"
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _meaning(kind: Any) -> str:
    notes = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((note.description for note in notes if isinstance(note, msgspec.Meta) and note.description), "")
