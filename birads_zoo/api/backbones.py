"""`birads_zoo.list_backbones`: which backbones there are."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from birads_zoo.api.opening import open_host
from birads_zoo.plugin.host import Host


def list_backbones(pattern: str = "*", *, plugins: Sequence[Path | str] = ()) -> list[str]:
    """Return the names of the backbones that match `pattern`, sorted: `list_backbones("timm/resnet*")`.

    Args:
        pattern: a name with * and ? in it. The members of a family are looked at only for a pattern that begins with
            the family's prefix, such as "timm/*".
        plugins: plugin files to load besides the installed ones.

    """
    _, host = open_host(plugins)
    return sorted([*(name for name in host.backbones if fnmatchcase(name, pattern)), *members_like(host, pattern)])


def members_like(host: Host, pattern: str) -> list[str]:
    """Return the names of families' members, prefix included, that match `pattern`, which begins with a prefix."""
    prefix = pattern.partition("/")[0]
    names = host.members(prefix) if prefix in host.families else ()
    return [name for name in names if fnmatchcase(name, pattern)]
