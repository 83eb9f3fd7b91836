"""Finds the class of a target that a row belongs to."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Index, Target


def values(index: Index, target: Target) -> list[str]:
    """Return each row's value in the target's column, "" if it is unknown."""
    if target.column not in index.rows:
        raise UserError(f"target {target.name!r} reads column {target.column!r}, which the index of {index.root} lacks")
    return [str(value) for value in index.rows[target.column]]


def class_names(index: Index, target: Target) -> tuple[str, ...]:
    """Return the target's classes in order. If it does not name them, every value in the index, "2" before "10"."""
    if target.classes is not None:
        return tuple(target.classes)
    return tuple(sorted(set(values(index, target)) - {""}, key=natural_key))


def closed(target: Target, index: Index) -> Target:
    """Return the target with its classes named, so that a class stays known if its last row is dropped later."""
    return replace(target, classes=target.classes or {name: (name,) for name in class_names(index, target)})


def find_classes(index: Index, target: Target) -> list[str | None]:
    """Return each row's class, `None` for a row without one."""
    by_value: Mapping[str, str] = (
        {name: name for name in class_names(index, target)}
        if target.classes is None
        else {value: name for name, members in target.classes.items() for value in members}
    )
    return [by_value.get(value) for value in values(index, target)]


def count_classes(index: Index, target: Target) -> dict[str, int]:
    """Return each class's number of rows, in the target's order, including classes without rows."""
    counts = Counter(find_classes(index, target))
    return {name: counts[name] for name in class_names(index, target)}


def classes_with_rows(index: Index, target: Target) -> tuple[str, ...]:
    """Return the classes that have rows in the index, in the target's order."""
    return tuple(name for name, rows in count_classes(index, target).items() if rows)


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts "class 2" before "class 10"."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], name
