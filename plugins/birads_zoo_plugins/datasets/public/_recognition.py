"""How a folder is recognised: by the names of its files, and by a table's first line. Nothing here raises."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from birads_zoo_plugins.datasets.public._rows import column_name

_FOLDERS = 50  # that many of a folder's folders are looked into
_LINE = 8192  # bytes; no header is longer


def find_near(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the file of one of these names in a folder, or in one directly in it; capitals do not matter."""
    wanted = re.compile("|".join(map(re.escape, names)), re.IGNORECASE)
    return find_like(folder, wanted, depth=1)


def find_like(folder: Path, name: re.Pattern[str], depth: int) -> Path | None:
    """Return the first file whose whole name fits a pattern, not more than `depth` folders down; None for none."""
    level = [folder]
    for _ in range(depth + 1):
        inside: list[Path] = []
        for place in level[:_FOLDERS]:
            for path, is_folder in _entries(place):
                if is_folder:
                    inside.append(path)
                elif name.fullmatch(path.name):
                    return path
        level = inside
    return None


def has_columns(table: Path, needed: Iterable[str]) -> bool:
    """Say whether the first line of a text table names these columns, whatever separates them."""
    try:
        with table.open("rb") as file:
            line = file.read(_LINE).decode("utf-8-sig", "replace").partition("\n")[0]
    except OSError:
        return False
    wanted = {column_name(name) for name in needed}
    return any(wanted <= {column_name(cell.strip('"')) for cell in line.split(separator)} for separator in ",;\t")


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield what is in a folder, in order of the names, and whether it is one itself."""
    try:
        with os.scandir(folder) as found:
            yield from sorted((Path(entry.path), entry.is_dir()) for entry in found)
    except OSError:
        return
