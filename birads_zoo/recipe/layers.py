"""Overrides recipe values field by field: a recipe overrides the one it extends, arguments override both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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


_TABLE = re.compile(r"[^.]+|[^.]+\.options|tracking\.options\.[^.]+")
"""Dotted names of tables of fields: a section, the options of a part, the options of a tracker."""


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields and options by their dotted names, as {"loss.name": "focal", "loss.options.gamma": 1.5}.

    `values` may have sections as tables, dotted names, or both. A section that is only a text names its part:
    `augmentation = "none"`. An empty table stays under its own name. An option whose value is a table is not flattened.
    """
    fields: dict[str, Any] = {}
    for key, value in values.items():
        if key in PARTS and isinstance(value, str):
            fields[f"{key}.{PARTS[key][0]}"] = value
        elif isinstance(value, Mapping) and value and _TABLE.fullmatch(key):
            fields |= flat({f"{key}.{name}": inner for name, inner in value.items()})
        else:
            fields[key] = value
    return fields


def lay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Override the fields in `base` with those in `over`, both as `flat` takes them, and return them as tables.

    Options belong to the part they were written for: where `over` names another part than `base`, the options in
    `base` are dropped. An empty table in `over` empties the one in `base`.
    """
    lower, upper = flat(base), flat(over)
    for section, (field, default) in PARTS.items():
        name = f"{section}.{field}"
        if name in upper and upper[name] != lower.get(name, default):
            lower = {key: value for key, value in lower.items() if not key.startswith(f"{section}.options")}
    return _as_tables({key: value for key, value in lower.items() if key not in upper} | upper)


def leaves(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every field and every option of a complete recipe by its dotted name."""
    return {key: value for key, value in flat(values).items() if value or not key.endswith(".options")}


def _as_tables(fields: Mapping[str, Any]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for key, value in fields.items():
        *path, last = key.split(".")
        table = tables
        for name in path:
            inner = table.get(name)
            table[name] = dict(inner) if isinstance(inner, Mapping) else {}
            table = table[name]
        table[last] = value
    return tables
