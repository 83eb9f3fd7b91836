"""Reads the plugin API number that a plugin states, and compares it with this version's number."""

from __future__ import annotations

import ast
from pathlib import Path

from birads_zoo.interfaces import PLUGIN_API
from birads_zoo.version import __version__

NAME = "PLUGIN_API"


def number_of(plugin: object) -> object:
    """Return the number that a loaded plugin states, or the present number where it states none."""
    return getattr(plugin, NAME, PLUGIN_API)


def number_in(file: Path | None) -> object:
    """Return the number at the top level of a plugin's text, without running it, or the present number.

    This is for a plugin that failed at import, perhaps because it uses names of another plugin API.
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
    """Return why a plugin with this number cannot be used, as "is written …"; "" when it can."""
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
