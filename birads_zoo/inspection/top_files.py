"""The files near the top of a folder, to recognise a data set by; a whole one may have half a million."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

DEEP = 3  # folders below the one that is asked about
MOST = 20_000  # files
_FOLDERS = 200  # that are looked into, a level
_ENTRIES = 100_000  # files and folders that are looked at in all


def files_near(folder: Path) -> tuple[str, ...]:
    """Return the files in a folder and up to `DEEP` folders below it, as POSIX paths.

    There are `MOST` at most, of 200 folders a level, and no more than 100,000 entries are read, folders included. Files
    of upper folders come first. What cannot be read is left out: this never raises.
    """
    found: list[str] = []
    level, left = [folder], _ENTRIES
    for _ in range(DEEP + 1):
        below: list[Path] = []
        for one in level:
            try:
                with os.scandir(one) as entries:
                    for entry in islice(entries, min(MOST, left)):
                        left -= 1
                        if entry.is_dir():
                            below.append(Path(entry.path))
                        else:
                            found.append(Path(entry.path).relative_to(folder).as_posix())
            except OSError:
                continue
            if len(found) >= MOST:
                return tuple(sorted(found[:MOST], key=_depth))
        level = sorted(below)[:_FOLDERS]
    return tuple(sorted(found, key=_depth))


def _depth(file: str) -> tuple[int, str]:
    return file.count("/"), file
