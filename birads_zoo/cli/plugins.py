"""What every command that uses plugins shares: the `--plugin` option, and opening the host."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from birads_zoo.errors import BiradsZooWarning
from birads_zoo.host import Host, load_host
from birads_zoo.registry import FILE_NAME, Registry, load_registry, packaged_registry

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
    """Read the registry, load the plugins, say which files the working directory named, and warn of broken ones."""
    registry = load_registry()
    host = _load(plugin_files, registry)
    if registry.plugin_files:
        names = ", ".join(str(file) for file in registry.plugin_files)
        click.echo(f"birads-zoo: loaded the plugin files that {FILE_NAME} names: {names}", err=True)
    return registry, host


def open_installed_host(plugin_files: Sequence[Path]) -> Host:
    """Load the installed plugins and `plugin_files`, and nothing that the working directory names.

    For commands that open a model somebody else may have made: its folder may be the working directory.
    """
    return _load(plugin_files, packaged_registry())


def _load(plugin_files: Sequence[Path], registry: Registry) -> Host:
    host = load_host(plugin_files, registry=registry)
    for problem in host.problems:
        warnings.warn(problem, BiradsZooWarning, stacklevel=2)
    return host
