"""What every command that uses plugins shares: the `--plugin` option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def plugin_option(function: F) -> F:
    """Give a command the option `--plugin FILE`, repeatable, as its argument `plugin_files`."""
    option = click.option(
        "--plugin",
        "plugin_files",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Load this plugin file too; may be repeated.",
    )
    return option(function)
