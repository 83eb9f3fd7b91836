"""Where things that can be made again are kept between runs."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the cache folder: $BIRADS_ZOO_CACHE, or the platform's place for a user's caches. Creates nothing."""
    chosen = os.environ.get("BIRADS_ZOO_CACHE", "")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("birads-zoo")
