"""The option `--plugin`, which all commands that use plugins share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def plugin_option(function: F) -> F:
    """Add the option `--plugin FILE`, repeatable, to a command, as its argument `plugin_files`."""
    option = click.option(
        "--plugin",
        "plugin_files",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Also load this plugin file; may be repeated.",
    )
    return option(function)
