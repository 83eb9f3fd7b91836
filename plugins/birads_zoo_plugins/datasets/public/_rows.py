"""A published table as rows of cells by column name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from birads_zoo import UserError
from birads_zoo_plugins.datasets._tables import Cell, Sheet, read_sheets
from birads_zoo_plugins.datasets._tree import Tree


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table's rows: each one's number in the sheet, and its cells by `column_name`; a short row lacks its last."""

    sheet: Sheet
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, Cell]], ...]


def column_name(written: str) -> str:
    """Return what the spellings of one column have in common: "breast density" for "breast_density"."""
    return " ".join(re.findall(r"[^\W_]+", written.lower()))


def find_named(tree: Tree, names: Sequence[str]) -> str:
    """Return the file of one of these names, in capitals or not; the one nearest to the root, "" for none."""
    wanted = [name.lower() for name in names]
    found = [file for file in tree.files if PurePosixPath(file).name.lower() in wanted]
    return min(
        found, key=lambda file: (file.count("/"), wanted.index(PurePosixPath(file).name.lower()), file), default=""
    )


def read_rows(path: Path, needed: Sequence[str]) -> Rows:
    """Read a table whose header is its first row; of a workbook's sheets the first that has the needed columns.

    Raises `UserError` for a file that is no table (see `read_sheets`), and for a column that is needed and not there.
    """
    found: list[str] = []
    lacking: list[str] = list(needed)
    for sheet in read_sheets(path):
        header = [str(cell or "") for cell in sheet.rows[0][1]] if sheet.rows else []
        columns = tuple(column_name(cell) for cell in header)
        lacking = [name for name in needed if column_name(name) not in columns]
        if not lacking:
            rows = tuple((number, dict(zip(columns, cells, strict=False))) for number, cells in sheet.rows[1:])
            return Rows(sheet=sheet, columns=columns, rows=rows)
        found = [name for name in header if name]
    shown = ", ".join(map(repr, found)) or "none"
    raise UserError(f"{path} has no column {lacking[0]!r}; it has: {shown}; fetch the table again")
