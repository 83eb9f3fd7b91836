"""What every command that uses plugins shares: the `--plugin` option, and opening the host."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from birads_zoo.errors import BiradsZooWarning
from birads_zoo.host import Host, load_host
from birads_zoo.registry import Registry, load_registry

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


def open_host(plugin_files: Sequence[Path]) -> tuple[Registry, Host]:
    """Read the registry, load the plugins, and warn once of each that is broken."""
    registry = load_registry()
    host = load_host(plugin_files, registry=registry)
    for problem in host.problems:
        warnings.warn(problem, BiradsZooWarning, stacklevel=2)
    return registry, host
