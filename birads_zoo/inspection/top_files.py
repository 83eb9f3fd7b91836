"""Lists the files near the top of a folder, to recognise a data set; a whole data set may have half a million."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

DEEP = 3  # levels of folders below the given one
MOST = 20_000  # files
_FOLDERS = 200  # folders that are read per level
_ENTRIES = 100_000  # files and folders that are read in all


def files_near(folder: Path) -> tuple[str, ...]:
    """Return the files in a folder and up to `DEEP` folders below it, as POSIX paths.

    At most `MOST` files are returned. At most 200 folders per level and 100,000 entries, including folders, are read.
    Files of upper folders come first. Folders that cannot be read are left out: this never raises.
    """
    files: list[str] = []
    level, left = [folder], _ENTRIES
    for _ in range(DEEP + 1):
        below: list[Path] = []
        for path in level:
            try:
                with os.scandir(path) as entries:
                    for entry in islice(entries, min(MOST, left)):
                        left -= 1
                        if entry.is_dir():
                            below.append(Path(entry.path))
                        else:
                            files.append(Path(entry.path).relative_to(folder).as_posix())
            except OSError:
                continue
            if len(files) >= MOST:
                return tuple(sorted(files[:MOST], key=_depth))
        level = sorted(below)[:_FOLDERS]
    return tuple(sorted(files, key=_depth))


def _depth(file: str) -> tuple[int, str]:
    return file.count("/"), file
