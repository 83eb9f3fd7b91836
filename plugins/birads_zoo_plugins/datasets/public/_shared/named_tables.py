"""Finds tables by the names of their files and columns, and reads them row by row.

The largest (EMBED's metadata) has 480,000 rows of 150 cells, so rows are not kept in memory.
"""

import codecs
import csv
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from birads_zoo import AuditEntry, UserError, open_regular
from birads_zoo_plugins.datasets._reading.tables import HEADER_ROWS, SUFFIXES, Cell, Sheet, note_encoding, read_sheets
from birads_zoo_plugins.datasets._reading.tree import Tree

Columns = Mapping[str, tuple[str, ...]]
"""The project's name of a column, and its names in the releases of a data set, the usual one first."""

Numbered = tuple[int, tuple[Cell, ...]]
"""A row's number in its sheet, from 1, and its cells."""

NamedRow = tuple[int, dict[str, Cell]]
"""A row's number, and its cells by the project's names of the columns."""


@dataclass(frozen=True, kw_only=True)
class NamedTable:
    """A table's path, its header, a function that yields its rows, and a note where its encoding was guessed."""

    path: Path
    header: tuple[str, ...]
    rows: Callable[[], Iterator[NamedRow]]
    notes: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Misfit:
    """The first column that is missing in a table, and the names that it has."""

    missing: str
    header: tuple[str, ...]


_SURE = 1 << 20  # bytes; a text that is UTF-8 up to here is read as UTF-8


def find_table(tree: Tree, data_set: str, stem: str, columns: Columns, optional: Columns | None = None) -> NamedTable:
    """Return the table whose file's name begins with `stem` and that has all `columns`.

    Names are compared without case, accents, and everything except letters and digits. Of several such files the one
    with the shortest name, nearest to the root, is taken; the others are not opened. A missing column of `optional` is
    None in every row.

    Raises `UserError` where there is no such file, or none with all columns. It names the missing column, or the
    problem of the first unreadable file.
    """
    files = sorted(
        filter(_of(stem), tree.files), key=lambda file: (len(PurePosixPath(file).name), file.count("/"), file)
    )
    if not files:
        raise UserError(
            f"no {stem or 'table'} (.xlsx, .csv) below {tree.root}: {data_set} needs it from its release; give the "
            "folder with the table and the pictures, both unpacked"
        )
    unreadable: list[UserError] = []
    misfits: list[UserError] = []
    for file in files:
        try:
            table = _open(tree.root / file, columns, optional or {})
        except UserError as error:
            unreadable.append(error)
            continue
        if isinstance(table, NamedTable):
            return table
        shown = ", ".join(map(repr, table.header)) or "none"
        misfits.append(
            UserError(
                f"{tree.root / file} has no column {table.missing!r}, which {data_set} needs; it has: {shown}; "
                "download the table again"
            )
        )
    raise [*unreadable, *misfits][0]


def recognise_table(folder: Path, files: Sequence[str], stem: str, columns: Columns) -> str:
    """Return "NAME with its columns" for such a table among the files, or "" where there is none."""
    for file in filter(_of(stem), files):
        try:
            if isinstance(_open(folder / file, columns, {}), NamedTable):
                return f"{PurePosixPath(file).name} with its columns"
        except UserError:
            continue
    return ""


def has_table(tree: Tree, stem: str) -> bool:
    """Return whether there is a table whose file's name begins with `stem`."""
    return any(map(_of(stem), tree.files))


def sheets_of(path: Path) -> Iterator[Iterable[Numbered]]:
    """Yield the numbered rows of each sheet of a workbook, or of a text table, without blank rows.

    Raises `UserError` for a file that is missing, unreadable, or not a table.
    """
    for sheet in _sheets(path):
        yield sheet.rows if isinstance(sheet, Sheet) else sheet


def _sheets(path: Path) -> Iterator[Sheet | Iterator[Numbered]]:
    """Yield each sheet; a text table in UTF-8 is read row by row, everything else at once."""
    if path.suffix.lower() in (".xlsx", ".xlsm") or not _is_utf8(path):
        yield from read_sheets(path)
    else:
        yield _text_rows(path)


def _is_utf8(path: Path) -> bool:
    """Return whether the start of a text is UTF-8; True for a file that cannot be read."""
    try:
        with open_regular(path) as file:
            codecs.getincrementaldecoder("utf-8")().decode(file.read(_SURE))
    except UnicodeDecodeError:
        return False
    except OSError:
        return True
    return True


def _of(stem: str) -> Callable[[str], bool]:
    key = _key(stem)

    def fits(file: str) -> bool:
        path = PurePosixPath(file)
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(("~$", ".")):
            return False
        return _key(path.stem).startswith(key)

    return fits


def _open(path: Path, columns: Columns, optional: Columns) -> NamedTable | _Misfit:
    """Return a file's table with these columns, or the missing column of the row that has the most of them."""
    best = _Misfit(missing=next(iter(columns.values()))[0], header=())
    fewest = len(columns) + 1
    for at_sheet, sheet in enumerate(_sheets(path)):
        for at, cells in islice(sheet.rows if isinstance(sheet, Sheet) else sheet, HEADER_ROWS):
            header = tuple(str(cell or "").strip() for cell in cells)
            names = [_key(name) for name in header]
            missing = [aliases[0] for aliases in columns.values() if _place(aliases, names) is None]
            if not missing:
                places = {name: _place(aliases, names) for name, aliases in {**columns, **optional}.items()}
                notes = tuple(note_encoding(sheet)) if isinstance(sheet, Sheet) else ()
                return NamedTable(path=path, header=header, rows=_rows_of(path, at_sheet, at, places), notes=notes)
            if len(missing) < fewest:
                fewest, best = len(missing), _Misfit(missing=missing[0], header=tuple(filter(None, header)))
    return best


def _rows_of(path: Path, sheet: int, header: int, places: Mapping[str, int | None]) -> Callable[[], Iterator[NamedRow]]:
    def rows() -> Iterator[NamedRow]:
        for number, cells in next(islice(sheets_of(path), sheet, None)):
            if number > header:
                yield number, {name: _cell(cells, place) for name, place in places.items()}

    return rows


def _text_rows(path: Path) -> Iterator[Numbered]:
    """Yield the rows of a text table that are not blank, each as it is read."""
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            separator = max(",;\t|", key=first.count)
            all_lines: Iterable[str] = chain([first], lines)
            for number, cells in enumerate(csv.reader(all_lines, delimiter=separator), start=1):
                if any(cells):
                    yield number, tuple(cells)
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from None
    except OSError as error:
        raise UserError(f"cannot read the table {path}: {error.strerror}") from None
    except csv.Error as error:
        raise UserError(f"{path} is not a table: {error}; download it again") from None


def _cell(cells: tuple[Cell, ...], place: int | None) -> Cell:
    return cells[place] if place is not None and place < len(cells) else None


def _place(aliases: tuple[str, ...], names: list[str]) -> int | None:
    return next((names.index(_key(name)) for name in aliases if _key(name) in names), None)


def _key(name: str) -> str:
    """Return a name's letters and digits: "kategorisi" for "KATEGORİSİ"."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ı", "i"))
    return "".join(letter for letter in plain if letter.isalnum())
