"""`birads-zoo cache`: lists what is kept between runs, and deletes what is no longer used."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from birads_zoo.api.cache import list_cache, prune_cache
from birads_zoo.data.cache_folder import cache_root
from birads_zoo.printable import printable

if TYPE_CHECKING:
    from birads_zoo.data.cache_entries import CacheEntry


@click.command("cache")
@click.option(
    "--prune",
    "days",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Delete what no run has used for so many days; 0 deletes everything.",
)
def command(days: int | None) -> None:
    """List what is kept between runs, the least recently used first: decoded pictures, features, step times.

    The next run makes again what it does not find. `birads-zoo verify` checks what is kept. The environment variable
    BIRADS_ZOO_CACHE names another folder for it.
    """
    entries = list_cache() if days is None else prune_cache(days)
    for entry in entries:
        used = datetime.datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d")
        click.echo(f"{_size(entry.bytes):>9}  used {used}  {printable(str(entry.path))}")
    what = "kept in" if days is None else "deleted from"
    click.echo(f"{_total(entries)} {what} {printable(str(cache_root()))}", err=True)


def _total(entries: Sequence[CacheEntry]) -> str:
    counted = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
    return f"{counted} of {_size(sum(entry.bytes for entry in entries))}"


def _size(count: int) -> str:
    """Return a number of bytes as text: "1.3 GB"."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
