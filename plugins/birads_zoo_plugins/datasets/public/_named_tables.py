"""Tables that are known by their file's name and by the names of their columns, read row by row.

The largest of them (EMBED's metadata) has 480,000 rows of 150 cells: a row is never held longer than it is needed.
"""

import csv
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from birads_zoo import UserError
from birads_zoo_plugins.datasets._near import files_near
from birads_zoo_plugins.datasets._tables import HEADER_ROWS, SUFFIXES, Cell, read_sheets
from birads_zoo_plugins.datasets._tree import Tree

Columns = Mapping[str, tuple[str, ...]]
"""Our name for a column, and the names that it has in the releases of a data set, the usual one first."""

Numbered = tuple[int, tuple[Cell, ...]]
"""A row's number in its sheet, from 1, and its cells."""

NamedRow = tuple[int, dict[str, Cell]]
"""A row's number, and its cells by our names for the columns."""


@dataclass(frozen=True, kw_only=True)
class NamedTable:
    """A table's path, its header, and what yields its rows, each time anew."""

    path: Path
    header: tuple[str, ...]
    rows: Callable[[], Iterator[NamedRow]]


def find_table(tree: Tree, data_set: str, stem: str, columns: Columns, optional: Columns | None = None) -> NamedTable:
    """Return the table whose file's name begins with `stem` and that has all `columns`.

    Case, spaces, accents and what else is no letter or digit make no difference in names. Of several such files the
    one with the shortest name is taken. A column of `optional` that is not there is None in every row.

    Raises `UserError` where there is no such file, or none with all columns, with what was looked for.
    """
    files = sorted(filter(_of(stem), tree.files), key=lambda file: (len(PurePosixPath(file).name), file))
    if not files:
        raise UserError(
            f"no {stem or 'table'} (.xlsx, .csv) below {tree.root}: {data_set} needs it from its release; give the "
            "folder that holds it and the pictures, both unpacked"
        )
    found = [_open(tree.root / file, columns, optional or {}) for file in files]
    table = next((one for one in found if isinstance(one, NamedTable)), None)
    if table is None:
        lacking = next(one for one in found if not isinstance(one, NamedTable))
        raise UserError(f"{tree.root / files[0]} has no column {lacking!r}, which {data_set} needs")
    return table


def recognise_table(folder: Path, stem: str, columns: Columns) -> str:
    """Return "NAME with its columns" of such a table near the top of a folder, "" where there is none."""
    for file in filter(_of(stem), files_near(folder)):
        try:
            if isinstance(_open(folder / file, columns, {}), NamedTable):
                return f"{PurePosixPath(file).name} with its columns"
        except UserError:
            continue
    return ""


def has_table(tree: Tree, stem: str) -> bool:
    """Say whether there is a table whose file's name begins with `stem`."""
    return any(map(_of(stem), tree.files))


def sheets_of(path: Path) -> Iterator[Iterator[Numbered]]:
    """Yield the numbered rows of each sheet of a workbook, or of a text table, without blank ones.

    Raises `UserError` for a file that is missing, unreadable or neither.
    """
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        yield from (iter(sheet.rows) for sheet in read_sheets(path))
    else:
        yield _text_rows(path)


def _of(stem: str) -> Callable[[str], bool]:
    wanted = _key(stem)

    def fits(file: str) -> bool:
        path = PurePosixPath(file)
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(("~$", ".")):
            return False
        return _key(path.stem).startswith(wanted)

    return fits


def _open(path: Path, columns: Columns, optional: Columns) -> NamedTable | str:
    """Return a file's table with these columns; where it has none, the first column that its best sheet lacks."""
    lacking: list[str] = []
    for sheet, rows in enumerate(sheets_of(path)):
        for at, cells in islice(rows, HEADER_ROWS):
            names = [_key(str(cell or "")) for cell in cells]
            missing = [theirs[0] for theirs in columns.values() if _place(theirs, names) is None]
            if not missing:
                places = {ours: _place(theirs, names) for ours, theirs in {**columns, **optional}.items()}
                header = tuple(str(cell or "").strip() for cell in cells)
                return NamedTable(path=path, header=header, rows=_rows_of(path, sheet, at, places))
            if not lacking or len(missing) < len(lacking):
                lacking = missing
    return lacking[0] if lacking else next(iter(columns.values()))[0]


def _rows_of(path: Path, sheet: int, header: int, places: Mapping[str, int | None]) -> Callable[[], Iterator[NamedRow]]:
    def rows() -> Iterator[NamedRow]:
        for number, cells in next(islice(sheets_of(path), sheet, None)):
            if number > header:
                yield number, {ours: _cell(cells, place) for ours, place in places.items()}

    return rows


def _text_rows(path: Path) -> Iterator[Numbered]:
    """Yield the rows of a text table that are not blank, each as it is read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            separator = max(",;\t|", key=first.count)
            again: Iterable[str] = chain([first], lines)
            for number, cells in enumerate(csv.reader(again, delimiter=separator), start=1):
                if any(cells):
                    yield number, tuple(cells)
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8: save it as CSV UTF-8") from None
    except OSError as error:
        raise UserError(f"cannot read the table {path}: {error.strerror}") from None
    except csv.Error as error:
        raise UserError(f"{path} is no table: {error}; fetch it again") from None


def _cell(cells: tuple[Cell, ...], place: int | None) -> Cell:
    return cells[place] if place is not None and place < len(cells) else None


def _place(theirs: tuple[str, ...], names: list[str]) -> int | None:
    return next((names.index(_key(name)) for name in theirs if _key(name) in names), None)


def _key(name: str) -> str:
    """Return a name's letters and digits alone: "kategorisi" for "KATEGORİSİ"."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ı", "i"))
    return "".join(letter for letter in plain if letter.isalnum())
