"""Which plugin API a plugin says it is written for, and whether that is the one that is here."""

from __future__ import annotations

import ast
from pathlib import Path

from birads_zoo.interfaces import PLUGIN_API
from birads_zoo.version import __version__

NAME = "PLUGIN_API"


def number_of(plugin: object) -> object:
    """Return what a loaded plugin states; the present number where it states none."""
    return getattr(plugin, NAME, PLUGIN_API)


def number_in(file: Path | None) -> object:
    """Return what a plugin's text states at its top level, without running it; the present number where it cannot say.

    This is for a plugin that failed at import, perhaps because of the very names that another API has.
    """
    try:
        statements = ast.parse(file.read_bytes()).body if file else []
    except (OSError, SyntaxError, ValueError):
        return PLUGIN_API
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=number))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=number))
            ) if name == NAME:
                return number
    return PLUGIN_API


def fault_of_number(number: object) -> str:
    """Say why a plugin that states this number cannot be used here, as "is written …"; "" when it can."""
    if not isinstance(number, int) or isinstance(number, bool):
        return f"states {NAME} = {number!r}, which is not a whole number; write {NAME} = {PLUGIN_API}"
    if number == PLUGIN_API:
        return ""
    remedy = (
        "update birads-zoo, or use an older version of the plugin"
        if number > PLUGIN_API
        else "update the plugin, or use an older birads-zoo"
    )
    return f"is written for plugin API {number}, and birads-zoo {__version__} has plugin API {PLUGIN_API}; {remedy}"
