"""First steps of every API function: reads the catalogue, loads the plugins, and makes a screen for progress."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.fields import listed
from birads_zoo.errors import warn
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.recipes.registry import FILE_NAME, Registry, load_registry, packaged_registry

if TYPE_CHECKING:
    from birads_zoo.progress import Screen


def open_host(plugins: Sequence[Path | str] = ()) -> tuple[Registry, Host]:
    """Read the catalogue, including that of the working directory, and load all installed and named plugins.

    The files that the working directory's registry.toml names are code, so their names are printed on stderr. A broken
    plugin is a warning; if it is one of `plugins`, it is an error.
    """
    registry = load_registry()
    host = _load(plugins, registry)
    if registry.plugin_files:
        names = ", ".join(str(file) for file in registry.plugin_files)
        sys.stderr.write(f"birads-zoo: loaded the plugin files that {FILE_NAME} names: {names}\n")
    return registry, host


def open_installed_host(plugins: Sequence[Path | str] = ()) -> Host:
    """Load the installed plugins and `plugins`, but not those that the working directory's registry.toml names.

    Use it to open a model that somebody else may have made: its folder may be the working directory.
    """
    return _load(plugins, packaged_registry())


def open_screen(progress: bool) -> Screen:
    """Return a screen that shows progress on stderr, or a quiet one."""
    from birads_zoo.progress import Screen

    return Screen(quiet=not progress)


def _load(plugins: Sequence[Path | str], registry: Registry) -> Host:
    files = [Path(file) for file in listed(plugins)]
    host = load_host(files, registered_files=registry.plugin_files, disabled=registry.disabled)
    for problem in host.problems:
        warn(problem)
    return host
