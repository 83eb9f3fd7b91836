"""Reads the sheets of XLSX, CSV and TSV files as plain rows of cells. Public: plugins may import it."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from birads_zoo.cells import Cell
from birads_zoo.errors import UserError
from birads_zoo.files.regular import open_regular
from birads_zoo.files.zips import bloated_part
from birads_zoo.tables import read_table_text

__all__ = ["SUFFIXES", "Sheet", "read_sheets"]

WORKBOOKS = (".xlsx", ".xlsm")
SUFFIXES = (*WORKBOOKS, ".csv", ".tsv")

_BLANK_ROWS = 10_000  # so many blank rows end a sheet: some sheets claim a million rows and fill five thousand
_MOST_CELLS = 10_000_000  # of a sheet of a workbook, of which a few bytes may claim 16,384
_LARGEST = {"xl/worksheets/": 500_000_000, "": 64_000_000}  # bytes unpacked: sheets are streamed, other parts are not


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One sheet: `rows` are (number, cells), numbered from 1 as in spreadsheets, without blank rows."""

    file: Path
    name: str  # "" for a CSV file, which has one sheet only
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    guessed: str = ""  # the encoding, where it had to be guessed

    @property
    def place(self) -> str:
        """The file, and the sheet where the file can have several, for error messages."""
        return f"sheet {self.name!r} of {self.file}" if self.name else str(self.file)


def read_sheets(path: Path) -> Iterator[Sheet]:
    """Yield each sheet of `path`, read one at a time.

    An XLSX sheet is streamed, and ends after 10,000 blank rows, because the size that a file states may be wrong: a
    real sheet of 5387 rows that states 1,047,845 takes 0.6 s and 42 MB in this way, and 8.5 s when all rows are read.
    A workbook that unpacks to much more than tables do, or that has more than 10 million cells, is refused: a megabyte
    of such a file could fill the memory.

    Raises:
        UserError: for a file that is missing, unreadable, or not such a table.

    """
    if path.suffix.lower() not in SUFFIXES:
        if not path.exists():
            raise UserError(f"there is no table {path}; check the path")
        raise UserError(f"{path} cannot be read as a table: give a file that ends in {', '.join(SUFFIXES)}")
    if path.suffix.lower() not in WORKBOOKS:
        yield _text_table(path)
        return
    try:
        file = open_regular(path)
    except OSError as error:
        raise UserError(f"cannot read the table {path}: {error.strerror}") from None
    with file:
        try:
            yield from _workbook(file, path)
        except (UserError, MemoryError):
            raise
        except OSError as error:
            raise UserError(f"cannot read the table {path}: {error.strerror or error}") from None
        except Exception as error:  # openpyxl raises any error for broken parts
            reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
            raise UserError(
                f"{path} is damaged or not an XLSX file ({reason}); save it again, or as CSV UTF-8"
            ) from None


def _workbook(file: BinaryIO, path: Path) -> Iterator[Sheet]:
    import openpyxl

    if bloated := bloated_part(file, _LARGEST):
        raise UserError(f"{path} unpacks to {bloated}, far more than tables do: save it again, or as CSV UTF-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns about styles and validations that it ignores
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # the size that a file states is often wrong in either direction
            rows = _filled(_counted(sheet.iter_rows(values_only=True), path))
            yield Sheet(file=path, name=sheet.title, rows=rows)


def _counted(rows: Iterator[tuple[Cell, ...]], path: Path) -> Iterator[tuple[Cell, ...]]:
    left = _MOST_CELLS
    for cells in rows:
        left -= len(cells)
        if left < 0:
            raise UserError(f"{path} has a sheet of more than {_MOST_CELLS:,} cells: save the table as CSV UTF-8")
        yield cells


def _text_table(path: Path) -> Sheet:
    table = read_table_text(path)
    lines = csv.reader(io.StringIO(table.text, newline=""), delimiter=table.separator)
    try:
        rows = _filled(tuple(row) for row in lines)
    except csv.Error as error:
        raise UserError(f"{path} is not a table: {error}; look for a quotation mark that is not closed") from None
    return Sheet(file=path, name="", rows=rows, guessed="" if table.encoding.startswith("UTF") else table.encoding)


def _filled(rows: Iterator[tuple[Cell, ...]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    filled: list[tuple[int, tuple[Cell, ...]]] = []
    last = 0
    for number, cells in enumerate(rows, start=1):
        if any(cell is not None and cell != "" for cell in cells):
            filled.append((number, cells))
            last = number
        elif number - last >= _BLANK_ROWS:
            break
    return tuple(filled)
