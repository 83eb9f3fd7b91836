"""Lists the pictures that a user names, and turns predictions into the rows of a table."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from birads_zoo.artifact.samples import Prediction
from birads_zoo.cells import Cell, identity
from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.picture import ImageError
from birads_zoo.errors import UserError
from birads_zoo.sheets import SUFFIXES as TABLES
from birads_zoo.sheets import WORKBOOKS, read_sheets
from birads_zoo.tables import read_table_text

SUFFIXES = (".bmp", ".dcm", ".dicom", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff")
"""Suffixes of a folder's files that are read as pictures; other files are if their content is DICOM."""

_COLUMNS = frozenset({"image_path", *identity({})})
_MOST_COLUMNS = 16_384  # as in Excel
_NO_SEPARATOR = "\x1f"  # a character that no text contains


def named_pictures(paths: Sequence[Path]) -> list[Path] | pd.DataFrame:
    """Return the files in `paths`, and for folders all pictures below them, sorted, except for hidden files.

    A single CSV, TSV or XLSX file is read as a table instead. Its header is in the first line, and its `image_path` is
    relative to its folder. The sheet of a workbook is chosen by its columns.

    Raises:
        UserError: for a path that does not exist, a folder without pictures, or a table that cannot be read.

    """
    if tables := [path for path in paths if path.suffix.lower() in TABLES]:
        if len(paths) > 1:
            raise UserError(f"give the table {tables[0]} alone: it names its pictures itself")
        return _read_table(tables[0])
    pictures: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"there is no {path}; give files, or a folder of files")
        if not path.is_dir():
            pictures.append(path)
            continue
        below = sorted(file for file in path.rglob("*") if file.is_file())
        shown = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        shown = [file for file in shown if _is_picture(file)]
        if not shown:
            raise UserError(f"{path} holds no pictures: none of its files is called {', '.join(SUFFIXES)}, or is DICOM")
        pictures += shown
    return pictures


def _is_picture(file: Path) -> bool:
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        return is_dicom(file) and file.name != "DICOMDIR"  # the index that DICOM discs carry
    except ImageError:
        # A file without a suffix, or named by a UID (whose last number looks like a suffix), may be DICOM; its row
        # says why it is not read.
        return not file.suffix or file.suffix[1:].isdecimal()


def _read_table(path: Path) -> pd.DataFrame:
    table = _read_workbook(path) if path.suffix.lower() in WORKBOOKS else _read_text(path)
    if "image_path" in table:
        table["image_path"] = [str(path.parent / name) for name in table["image_path"]]
    return table


def _read_workbook(path: Path) -> pd.DataFrame:
    """Read, as text, the sheet with `image_path` and the most other known columns; the first such sheet at a tie."""
    best: list[tuple[Cell, ...]] = []
    most = (False, -1)
    for sheet in read_sheets(path):
        rows = [cells for _, cells in sheet.rows]
        header = {*rows[0]} if rows else set()
        known = "image_path" in header, len(header & _COLUMNS)
        if known > most:
            most, best = known, rows
    if not best:
        return pd.DataFrame()
    columns: dict[str, int] = {}
    for at, name in enumerate(best[0]):
        if name is not None:
            columns.setdefault(str(name), at)
    texts = [{name: _text(cells[at]) if at < len(cells) else "" for name, at in columns.items()} for cells in best[1:]]
    return pd.DataFrame(texts, columns=[*columns])


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _read_text(path: Path) -> pd.DataFrame:
    table = read_table_text(path)
    header = table.text.lstrip().partition("\n")[0]
    separator = table.separator if table.separator in header else _NO_SEPARATOR  # there is one column
    if header.count(separator) >= _MOST_COLUMNS:
        raise UserError(f"cannot read the table {path}: its header has more than {_MOST_COLUMNS:,} columns")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            text = io.StringIO(table.text)
            return pd.read_csv(text, sep=separator, dtype=str, keep_default_na=False, index_col=False)
        except pd.errors.ParserWarning:  # all would be read one column off
            raise UserError(
                f"cannot read the table {path}: its rows have more cells than its header; "
                f"put cells that contain {separator!r} into quotation marks"
            ) from None
        except ValueError as error:  # raised by pandas for text that is not a table
            raise UserError(f"cannot read the table {path}: {_own_words(str(error).strip())}") from None


def _own_words(reason: str) -> str:
    """Return pandas' reason, but in own words if it is the commonest: then pandas counts rows from 0."""
    if match := re.search(r"EOF inside string starting at row (\d+)", reason):
        return f"row {int(match[1]) + 1} opens a quotation mark that is not closed; close it, or remove it"
    return reason


def columns_of(classes: Sequence[str], views: Sequence[str] = ()) -> list[str]:
    """Return the columns of `as_row`; `predictions.csv` uses the same names for the same columns.

    `views` are the names of a sample's views if the model weighs them, else ().
    """
    by_class = [f"{kind}_{name}" for kind in ("probability", "calibrated", "set") for name in classes]
    weights = [f"view_weight_{name}" for name in views]
    return ["image_path", "predicted", *by_class, *weights, "distance", "warnings", "error"]


def as_row(prediction: Prediction, classes: Sequence[str]) -> dict[str, object]:
    """Return a prediction as a row with the columns `columns_of`; only path and error if there is none.

    The cells of `calibrated_<class>` are empty if the model is not calibrated.
    """
    row: dict[str, object] = {"image_path": prediction.source, "error": prediction.error}
    if prediction.error:
        return row
    for name in classes:
        row[f"probability_{name}"] = prediction.probabilities[name]
        row[f"calibrated_{name}"] = prediction.calibrated.get(name, "")
        row[f"set_{name}"] = name in prediction.conformal_set
    row |= {f"view_weight_{name}": weight for name, weight in prediction.view_weights.items()}
    row |= {"predicted": prediction.predicted, "distance": prediction.distance}
    return row | {"warnings": "; ".join(prediction.warnings)}
