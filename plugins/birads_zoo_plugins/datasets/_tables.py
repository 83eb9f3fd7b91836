"""Sheets of XLSX, CSV and TSV files as plain rows of cells."""

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
HEADER_ROWS = 20  # a header stands in the first of them, or the sheet has none
_BLANK_ROWS = 10_000  # that many in a row end a sheet: real ones claim a million rows and fill five thousand


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One sheet: `rows` are (number, cells), numbered from 1 as spreadsheets do, without blank ones."""

    file: Path
    name: str  # "" for a CSV file, which has one sheet only
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    guessed: str = ""  # the encoding, where nothing but the lack of another speaks for it

    @property
    def place(self) -> str:
        """The file, and the sheet where the file can have several, for error messages."""
        return f"sheet {self.name!r} of {self.file}" if self.name else str(self.file)


def read_sheets(path: Path) -> Iterator[Sheet]:
    """Yield each sheet of `path`, read one at a time.

    An XLSX sheet is streamed, and ends after 10,000 blank rows, whatever size it claims: a real sheet of 5387 rows
    that claims 1,047,845 takes 0.6 s and 42 MB so, and 8.5 s when it is read whole. Raises `UserError` for a file
    that is missing, unreadable, or no such table.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} is no table this reads: give a file that ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UserError(f"no such table: {path}")
    try:
        yield from _spreadsheet(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text_table(path)
    except PermissionError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except csv.Error as error:
        raise UserError(f"{path} is no table: {error}; look for a quotation mark that nothing closes") from None
    except (zipfile.BadZipFile, KeyError, ParseError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path} is damaged or no {path.suffix[1:].upper()} file ({error}); fetch it again") from None


def note_encoding(sheet: Sheet) -> list[AuditEntry]:
    """Return an entry for a sheet whose encoding was guessed, with a text that shows whether that was right."""
    if not sheet.guessed:
        return []
    cells = (str(cell) for _, row in sheet.rows for cell in row)
    shown = next((cell for cell in cells if not cell.isascii()), "")
    detail = f"it is no UTF-8, so it was read as {sheet.guessed}: right if it says {shown!r}"
    name = sheet.file.name
    return [
        AuditEntry(row=0, image_path=name, patient_id="", action="repaired", reason="encoding guessed", detail=detail)
    ]


def _spreadsheet(path: Path) -> Iterator[Sheet]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells of styles and validations that it leaves out
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file claims of its size is often wrong in both directions
                yield Sheet(file=path, name=sheet.title, rows=_filled(sheet.iter_rows(values_only=True)))


def _text_table(path: Path) -> Iterator[Sheet]:
    found = read_table_text(path)
    rows = _filled(tuple(row) for row in csv.reader(io.StringIO(found.text, newline=""), delimiter=found.separator))
    guessed = "" if found.encoding.startswith("UTF") else found.encoding
    yield Sheet(file=path, name="", rows=rows, guessed=guessed)


def _filled(rows: Iterator[tuple[Cell, ...]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    found: list[tuple[int, tuple[Cell, ...]]] = []
    last = 0
    for number, cells in enumerate(rows, start=1):
        if any(cell is not None and cell != "" for cell in cells):
            found.append((number, cells))
            last = number
        elif number - last >= _BLANK_ROWS:
            break
    return tuple(found)
