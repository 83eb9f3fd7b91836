"""Finds the folder for files that are kept between runs and can be made again."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the cache folder: $BIRADS_ZOO_CACHE, or the platform's folder for a user's caches. Creates nothing."""
    chosen = os.environ.get("BIRADS_ZOO_CACHE", "")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("birads-zoo")
