"""`birads_zoo.list_backbones`: lists the registered backbones."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from birads_zoo.api.opening import open_host
from birads_zoo.plugin.host import Host


def list_backbones(pattern: str = "*", *, plugins: Sequence[Path | str] = ()) -> list[str]:
    """Return the names of the backbones that match `pattern`, sorted: `list_backbones("timm/resnet*")`.

    Args:
        pattern: a name that may contain * and ?. Members of a family are included only if the pattern begins with the
            family's prefix, such as "timm/*".
        plugins: plugin files to load in addition to the installed plugins.

    """
    _, host = open_host(plugins)
    return sorted([*(name for name in host.backbones if fnmatchcase(name, pattern)), *members_like(host, pattern)])


def members_like(host: Host, pattern: str) -> list[str]:
    """Return the full names of the members that match `pattern`, which begins with their family's prefix."""
    prefix = pattern.partition("/")[0]
    names = host.members(prefix) if prefix in host.families else ()
    return [name for name in names if fnmatchcase(name, pattern)]
