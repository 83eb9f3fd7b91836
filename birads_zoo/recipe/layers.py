"""Tables of recipe values laid on each other: a recipe on the one it extends, flags and ablations on both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from birads_zoo.errors import UserError
from birads_zoo.recipe.sections import (
    AugmentationSection,
    DatasetSection,
    ExplainerSection,
    LossSection,
    ModelSection,
)

PARTS = {
    "dataset": ("name", DatasetSection().name),
    "augmentation": ("name", AugmentationSection().name),
    "loss": ("name", LossSection().name),
    "model": ("backbone", ModelSection().backbone),
    "explainer": ("name", ExplainerSection().name),
}
"""The sections of parts that plugins register: the field that names the part, and its default."""


def lay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the table `over` on `base`, section by section; tables inside sections are merged too.

    Options are those of the part they were written for: where `over` names another part than `base`, the options in
    `base` go. A section that is only a text names its part: `augmentation = "none"`.
    """
    above = _spelled_out(over)
    return _merged(_without_foreign_options(_spelled_out(base), above), above)


def put(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with dotted fields set, such as {"model.dropout": 0.0}.

    Options of parts that are replaced go, as in `lay`.

    Raises:
        UserError: for a path through something that is no section.

    """
    dotted = {_full_key(key, value): value for key, value in changes.items()}
    names = {f"{section}.{field}": section for section, (field, _) in PARTS.items()}
    named = {names[key]: {key.partition(".")[2]: value} for key, value in dotted.items() if key in names}
    changed = _without_foreign_options(_spelled_out(values), named)
    for key, value in dotted.items():
        changed = _with(changed, key, key.split("."), value)
    return changed


def _full_key(key: str, value: Any) -> str:
    return f"{key}.{PARTS[key][0]}" if key in PARTS and isinstance(value, str) else key


def _with(values: Mapping[str, Any], key: str, path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {**values, first: value}
    inner = values.get(first, {})
    if not isinstance(inner, Mapping):
        raise UserError(f"recipe: {key!r} is no field: {first!r} is a single value, not a section")
    return {**values, first: _with(inner, key, rest, value)}


def _without_foreign_options(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` without the options of the parts that `over` replaces by others."""
    kept = dict(base)
    for section, (field, default) in PARTS.items():
        lower, upper = kept.get(section), over.get(section)
        if not isinstance(lower, Mapping) or not isinstance(upper, Mapping) or field not in upper:
            continue
        if upper[field] != lower.get(field, default):
            kept[section] = {key: value for key, value in lower.items() if key != "options"}
    return kept


def leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every field of a whole recipe by its dotted name, and every option by its own."""
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield key, value
            continue
        for field, inner in value.items():
            if field == "options":
                yield from ((f"{key}.options.{name}", option) for name, option in inner.items())
            else:
                yield f"{key}.{field}", inner


def _spelled_out(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {PARTS[key][0]: value} if key in PARTS and isinstance(value, str) else value
        for key, value in values.items()
    }


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
