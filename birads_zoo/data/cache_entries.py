"""Lists and deletes what birads-zoo keeps in its cache: pixel stores, frozen backbones' features, and precisions."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from birads_zoo.errors import UserError
from birads_zoo.files.abandoned import temporary_name

STORE_FILES = ("pixels.npy", "placements.npy", "manifest.json")
"""The files of a pixel store. The last is written when the others are complete, and touched by every use."""

_FILES = {"features": ".safetensors", "precisions": ".json"}
"""The folders that hold a file for each entry, and the suffix of its name."""

_KEY = re.compile(r"[0-9a-f]{40}")
_DAY = 24 * 60 * 60


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """A pixel store or a file of another kind in the cache: its `path`, its size in `bytes`, and when it was last used.

    `used` is in seconds since 1970.
    """

    path: Path
    bytes: int
    used: float


def cache_entries(cache: Path) -> tuple[CacheEntry, ...]:
    """Return what is in the folder `cache`, the least recently used first. Other files are left out."""
    entries = [_entry(path) for kind in ("pixels", *_FILES) for path in _inside(cache / kind) if _is_own(path)]
    return tuple(sorted(entries, key=lambda entry: (entry.used, entry.path)))


def prune(cache: Path, days: float) -> tuple[CacheEntry, ...]:
    """Delete the entries that no run has used for so many days, and return them.

    A run that has opened a pixel store goes on reading it; on Windows it cannot be deleted then.

    Raises:
        UserError: if an entry cannot be deleted.

    """
    old = tuple(entry for entry in cache_entries(cache) if time.time() - entry.used >= days * _DAY)
    for entry in old:
        _delete(entry.path)
    return old


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_own(path: Path) -> bool:
    """Return whether a path in the cache is a pixel store that holds nothing else, or a file of another kind."""
    if path.is_symlink():
        return False
    if suffix := _FILES.get(path.parent.name):
        return _is_file_of(path, suffix)
    return _KEY.fullmatch(path.name) is not None and {file.name for file in _inside(path)} == {*STORE_FILES}


def is_features(path: Path) -> bool:
    """Return whether a path is a file with the name of stored features."""
    return _is_file_of(path, _FILES["features"])


def _is_file_of(path: Path, suffix: str) -> bool:
    return path.suffix == suffix and _KEY.fullmatch(path.stem) is not None and path.is_file()


def _entry(path: Path) -> CacheEntry:
    files = [path / name for name in STORE_FILES] if path.is_dir() else [path]
    facts = [file.stat() for file in files]
    return CacheEntry(path=path, bytes=sum(fact.st_size for fact in facts), used=facts[-1].st_mtime)


def _delete(path: Path) -> None:
    gone = path.with_name(temporary_name(path))  # so that no process finds half of it
    try:
        path.rename(gone)
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    except OSError as error:
        raise UserError(f"cannot delete {path}: {error.strerror}; check who may write there") from None
