"""Reads the cells of tables: patient, exam, date, side and view. Training and prediction read them in the same way.

Public: plugins may import it. Each function takes a cell as a spreadsheet, a CSV file or pandas returns it. A blank
cell and one that cannot be understood both give the empty value; `is_blank` distinguishes them.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "Cell",
    "alike_ids",
    "date",
    "exam",
    "folded",
    "identity",
    "is_blank",
    "laterality",
    "patient",
    "plain",
    "text",
    "view",
]

Cell = Any
"""A str, int, float, bool, date, or None."""

_BLANK = {
    *(
        "",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "#n/a n/a",
        "#na",
        "nan",
        "-nan",
        "nat",
        "<na>",
        "none",
        "null",
        "#null!",
        "nil",
    ),
    *("-", "--", "---", ".", "..", "...", "?", "??", "unknown", "unk", "not available", "not known", "missing"),
}
_UNREAD = {
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff®™©")),  # invisible, or trade marks
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
}


def identity(cells: Mapping[str, Cell]) -> dict[str, str]:
    """Return the patient, exam, side, view and date of a row, under an index's column names, "" where unknown.

    `cells` maps canonical column names to the row's cells. `patient_id`, `exam_id`, `study_date`, `laterality` and
    `view` are read; a missing column counts as unknown. `exam` describes how `exam_id` is made; the other values are
    those of the cells.
    """
    patient_id, study_date = patient(cells.get("patient_id")), date(cells.get("study_date"))
    return {
        "patient_id": patient_id,
        "exam_id": exam(patient_id, cells.get("exam_id"), study_date),
        "laterality": laterality(cells.get("laterality")),
        "view": view(cells.get("view")),
        "study_date": study_date,
    }


def exam(patient_id: str, cell: Cell, study_date: str) -> str:
    """Return the id of a patient's exam: the patient's id, then the cell's text or, if it is blank, `study_date`.

    "" for an unknown patient, and where both the cell and the date are blank: all such rows of a patient are one exam.
    """
    exam_name = text(cell) or study_date
    return f"{patient_id}_{exam_name}" if patient_id and exam_name else ""


def is_blank(cell: Cell) -> bool:
    """Return whether a cell is empty or holds a word for a missing value, such as "n/a"."""
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or plain(str(cell)).lower() in _BLANK


def plain(written: str) -> str:
    """Return a text with plain hyphens and single spaces, without invisible characters and trade mark signs."""
    normalized = unicodedata.normalize("NFKC", written.translate(_UNREAD))
    return " ".join(normalized.split())


def folded(written: str) -> str:
    """Return a key that is equal for spellings that differ only in case, spaces, dashes or invisible characters."""
    return plain(written).casefold().replace(" ", "")


def text(cell: Cell) -> str:
    """Return a cell's text on one line, "" for a blank one; 3.0, as spreadsheets store whole numbers, gives "3"."""
    if is_blank(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())


def patient(cell: Cell) -> str:
    """Return the patient id without the spaces that some tables put into it ("BC 007741")."""
    return text(cell).replace(" ", "")


def alike_ids(ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of two or more ids that seem to be spellings of the same id, each in the order given.

    Such ids differ only in case, spaces, hyphens or underscores next to letters, invisible characters, leading zeros or
    a whole number's ".0": "P-007", "p007" and "P7"; "12" and "12.0". Characters between digits, or before the first
    digit, make ids different: "1-23" is neither "12-3" nor "123", and "1.2.840.1" is not "1.28.40.1".
    """
    spellings: dict[str, list[str]] = defaultdict(list)
    for written in dict.fromkeys(ids):
        if written:
            spellings[_id_key(written)].append(written)
    return [tuple(group) for group in spellings.values() if len(group) > 1]


def _id_key(written: str) -> str:
    key = re.sub(r"^(\d+)\.0+$", r"\1", plain(written).casefold())
    key = re.sub(r"[-_ ]+", "-", key)
    key = re.sub(r"(?<=[^\W\d_])-|-(?=[^\W\d_])", "", key)  # next to a letter
    return re.sub(r"(?<![\d.])0+(?=\d)", "", key)


def laterality(cell: Cell) -> str:
    """Return "L" or "R" for "L", "left", "RIGHT" and so on, else ""."""
    return {"l": "L", "left": "L", "r": "R", "right": "R"}.get(plain(text(cell)).lower(), "")


def view(cell: Cell) -> str:
    """Return the view's name in capitals: "CC", "MLO" or another."""
    return text(cell).upper()


def date(cell: Cell) -> str:
    """Return "2019-04-25", "2019-04" or "2019": the part of the date that is unambiguous in the cell, else ""."""
    if is_blank(cell):
        return ""
    if isinstance(cell, datetime.date):
        return cell.isoformat()[:10]
    written = text(cell)
    if re.fullmatch(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])", written):
        return written
    full_date = re.fullmatch(r"((?:19|20)\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?:[T ].*)?", written)
    if full_date:
        return "-".join(full_date.groups())
    year = re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", written)  # 3/4/2019 can be in March or in April
    return year[0] if year else ""
