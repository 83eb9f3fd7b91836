"""Reads sheets of XLSX, CSV and TSV files, and notes guessed encodings."""

from birads_zoo import AuditEntry
from birads_zoo.cells import Cell as Cell
from birads_zoo.sheets import SUFFIXES as SUFFIXES
from birads_zoo.sheets import Sheet as Sheet
from birads_zoo.sheets import read_sheets as read_sheets

HEADER_ROWS = 20  # the header is one of these first rows, or the sheet has none


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
