"""The binary reading: the classes that a reader wants found, such as BI-RADS 4 and 5, against the rest."""

from __future__ import annotations

from collections.abc import Sequence

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.interfaces import Target


def positive_numbers(asked: Sequence[str], target: Target, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers in `classes` of the positive ones: those `asked` for, else the target's own.

    () where the target names none, or all or none of those it names are among this run's classes. Raises `UserError`
    where `asked` holds an unknown class, or all classes.
    """
    for name in asked:
        if name not in classes:
            raise unknown_name("positive class", name, classes)
    numbers = tuple(k for k, name in enumerate(classes) if name in (asked or target.positive))
    if len(numbers) < len(classes):
        return numbers
    if asked:
        raise UserError("evaluation.positive names every class; leave out those that are negative")
    return ()
