"""Reads sheets of XLSX, CSV and TSV files as plain rows of cells."""

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from birads_zoo import AuditEntry, UserError
from birads_zoo.cells import Cell as Cell
from birads_zoo.tables import read_table_text

SUFFIXES = (".xlsx", ".xlsm", ".csv", ".tsv")
HEADER_ROWS = 20  # the header is one of these first rows, or the sheet has none
_BLANK_ROWS = 10_000  # so many blank rows end a sheet: some sheets claim a million rows and fill five thousand


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
    Raises `UserError` for a file that is missing, unreadable, or not such a table.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} cannot be read as a table: give a file that ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UserError(f"no such table: {path}")
    try:
        yield from _spreadsheet(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text_table(path)
    except PermissionError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except csv.Error as error:
        raise UserError(f"{path} is not a table: {error}; look for a quotation mark that is not closed") from None
    except (zipfile.BadZipFile, KeyError, ParseError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path} is damaged or not {path.suffix[1:].upper()} ({error}); download it again") from None


def note_encoding(sheet: Sheet) -> list[AuditEntry]:
    """Return an entry for a sheet whose encoding was guessed, with a text that shows whether the guess is right."""
    if not sheet.guessed:
        return []
    cells = (str(cell) for _, row in sheet.rows for cell in row)
    shown = next((cell for cell in cells if not cell.isascii()), "")
    detail = f"it is not UTF-8 and was read as {sheet.guessed}: right if it says {shown!r}"
    name = sheet.file.name
    return [
        AuditEntry(row=0, image_path=name, patient_id="", action="repaired", reason="encoding guessed", detail=detail)
    ]


def _spreadsheet(path: Path) -> Iterator[Sheet]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns about styles and validations that it ignores
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # the size that a file states is often wrong in either direction
                yield Sheet(file=path, name=sheet.title, rows=_filled(sheet.iter_rows(values_only=True)))


def _text_table(path: Path) -> Iterator[Sheet]:
    table = read_table_text(path)
    rows = _filled(tuple(row) for row in csv.reader(io.StringIO(table.text, newline=""), delimiter=table.separator))
    guessed = "" if table.encoding.startswith("UTF") else table.encoding
    yield Sheet(file=path, name="", rows=rows, guessed=guessed)


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
