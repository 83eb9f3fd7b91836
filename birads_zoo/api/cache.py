"""`birads_zoo.list_cache` and `birads_zoo.prune_cache`: what is kept between runs and can be made again."""

from __future__ import annotations

from birads_zoo.data.cache_entries import CacheEntry, cache_entries, prune
from birads_zoo.data.cache_folder import cache_root
from birads_zoo.errors import UserError


def list_cache() -> tuple[CacheEntry, ...]:
    """List the pixel stores and files of features in the cache, the least recently used first.

    `birads_zoo.verify()` checks them.
    """
    return cache_entries(cache_root())


def prune_cache(days: float) -> tuple[CacheEntry, ...]:
    """Delete what no run has used for so many days, and return it; 0 deletes everything. The next run makes it again.

    Nothing that birads-zoo did not write is deleted.

    Raises:
        UserError: for a negative number of days, or when something cannot be deleted.

    """
    if not days >= 0:
        raise UserError(f"days = {days}: give a number of at least 0")
    return prune(cache_root(), days)
