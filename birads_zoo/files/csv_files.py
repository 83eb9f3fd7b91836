"""Writes CSV files that are safe to open in a spreadsheet, and reads them back as they were.

Spreadsheets calculate a cell that begins with =, +, - or @, also after a space, tab or line break, even if it is a file
name or a patient id. So such a text is written with a leading quote ('), and so is one that already has quotes before
such a character; other texts are written as they are. `read_frame` removes the quote again. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from birads_zoo.files.whole import whole_file

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")  # Excel in Japan and China reads the wide ones alike
_QUOTED = re.compile(f"'{_FORMULA.pattern}")


def safe_cell(text: str) -> str:
    """Return a text as a spreadsheet shows it without calculating anything; `original_cell` reverses this."""
    return f"'{text}" if _FORMULA.match(text) else text


def original_cell(text: str) -> str:
    """Return the text of which `safe_cell` made `text`."""
    return text[1:] if _QUOTED.match(text) else text


def csv_writer(file: TextIO) -> Callable[[Iterable[object]], None]:
    """Return a function that writes a row of cells to `file`, which is open with `newline=""`.

    Texts are written by `safe_cell`, other values as `str` shows them; None and NaN are empty cells.
    """
    writer = csv.writer(_Lines(file), lineterminator="\r\n")
    return lambda cells: writer.writerow([_cell(cell) for cell in cells])


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows of cells, written by `csv_writer`."""
    text = io.StringIO(newline="")
    _write(text, rows)
    return text.getvalue()


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write rows of cells, the head first, completely or not at all; see `csv_writer`."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _write(file, rows)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its index, completely or not at all; see `csv_writer`."""
    write_csv(path, _rows(frame))


def read_frame(
    path: Path, dtype: type[str] | Mapping[str, type[str]], na_values: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Read a table that `write_frame` wrote.

    `dtype` says which columns are text, or that all are. `na_values` names the texts that are missing numbers, by
    column.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a table.

    """
    import pandas as pd

    given: Any = dtype  # the stubs of pandas know fewer types than it takes
    missing: Any = na_values
    frame = pd.read_csv(path, dtype=given, keep_default_na=False, na_values=missing)
    for name in frame.columns:
        if pd.api.types.is_string_dtype(frame[name]):
            quoted = frame[name].str.match(_QUOTED).fillna(False).astype(bool)
            frame[name] = frame[name].where(~quoted, frame[name].str[1:])
    return frame.rename(columns=original_cell)


def _write(file: TextIO, rows: Iterable[Iterable[object]]) -> None:
    write = csv_writer(file)
    for row in rows:
        write(row)


class _Lines:
    """Ends the rows of a `csv.writer` with a line feed.

    Only with the line terminator CR LF does the writer put cells that contain either of the two between quotation marks
    (all versions of Python before 3.13).
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, row: str) -> int:
        return self.file.write(row.removesuffix("\r\n") + "\n")


def _cell(cell: object) -> object:
    if isinstance(cell, str):
        return safe_cell(cell)
    return "" if cell is None or cell != cell else cell  # only NaN differs from itself


def _rows(frame: pd.DataFrame) -> Iterable[Iterable[object]]:
    yield frame.columns
    yield from zip(*(frame.iloc[:, place].to_numpy() for place in range(frame.shape[1])), strict=True)
