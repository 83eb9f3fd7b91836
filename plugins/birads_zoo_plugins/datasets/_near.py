"""The files near the top of a folder, to recognise a data set by; a whole one may have half a million."""

import os
from itertools import islice
from pathlib import Path

_DEEP = 3
_MOST = 20_000


def files_near(folder: Path) -> list[str]:
    """Return the files in a folder and up to 3 folders below it, as POSIX paths.

    There are 20,000 at most, of 200 folders a level. Files of upper folders come first. What cannot be read is left
    out: this never raises.
    """
    found: list[str] = []
    level = [folder]
    for _ in range(_DEEP + 1):
        below: list[Path] = []
        for one in level:
            try:
                with os.scandir(one) as entries:
                    for entry in islice(entries, _MOST):
                        if entry.is_dir():
                            below.append(Path(entry.path))
                        else:
                            found.append(Path(entry.path).relative_to(folder).as_posix())
            except OSError:
                continue
            if len(found) >= _MOST:
                return sorted(found[:_MOST], key=_depth)
        level = sorted(below)[:200]
    return sorted(found, key=_depth)


def _depth(file: str) -> tuple[int, str]:
    return file.count("/"), file
