"""Public: whose picture a table's row is of, and of what; read the same in training and in prediction.

Each function takes a cell as a sheet, a CSV file or pandas has it. A cell that says nothing, and one that cannot be
understood, both give the empty value; `is_blank` tells them apart.
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
    """Return whose picture a row is of, and of what, in an index's columns and values, "" where unknown.

    `cells` are the row's by canonical column; of these `patient_id`, `exam_id`, `study_date`, `laterality` and `view`
    are read, and one that is left out is unknown. All but `exam_id` are returned as the cells say; for that see `exam`.
    """
    whose, when = patient(cells.get("patient_id")), date(cells.get("study_date"))
    return {
        "patient_id": whose,
        "exam_id": exam(whose, cells.get("exam_id"), when),
        "laterality": laterality(cells.get("laterality")),
        "view": view(cells.get("view")),
        "study_date": when,
    }


def exam(whose: str, cell: Cell, when: str) -> str:
    """Return the id of a patient's exam: that of the cell, else the study date `when`, after the patient's id.

    "" for an unknown patient, and where neither says which exam it is: all such rows of a patient are of one exam.
    """
    own = text(cell) or when
    return f"{whose}_{own}" if whose and own else ""


def is_blank(cell: Cell) -> bool:
    """Say whether a cell holds nothing, or one of the words for it."""
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or plain(str(cell)).lower() in _BLANK


def plain(written: str) -> str:
    """Return a text with plain hyphens and single spaces, without invisible characters and trade marks."""
    seen = unicodedata.normalize("NFKC", written.translate(_UNREAD))
    return " ".join(seen.split())


def folded(written: str) -> str:
    """Return what two spellings have in common that differ in case, spaces, dashes or invisible characters alone."""
    return plain(written).casefold().replace(" ", "")


def text(cell: Cell) -> str:
    """Return a cell's text on one line, "" for a blank one; 3.0, as sheets store whole numbers, gives "3"."""
    if is_blank(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())


def patient(cell: Cell) -> str:
    """Return the patient id without the spaces that some tables put into it ("BC 007741")."""
    return text(cell).replace(" ", "")


def alike_ids(ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Return those ids that seem to be spellings of one: in groups of two at least, each in the order given.

    They differ in case, spaces, hyphens or underscores beside letters, invisible characters, leading zeros or a whole
    number's ".0" alone: "P-007", "p007" and "P7"; "12" and "12.0". What stands between digits, or before the first,
    tells ids apart: "1-23" is neither "12-3" nor "123", and "1.2.840.1" not "1.28.40.1".
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for written in dict.fromkeys(ids):
        if written:
            alike[_id_key(written)].append(written)
    return [tuple(some) for some in alike.values() if len(some) > 1]


def _id_key(written: str) -> str:
    key = re.sub(r"^(\d+)\.0+$", r"\1", plain(written).casefold())
    key = re.sub(r"[-_ ]+", "-", key)
    key = re.sub(r"(?<=[^\W\d_])-|-(?=[^\W\d_])", "", key)  # beside a letter
    return re.sub(r"(?<![\d.])0+(?=\d)", "", key)


def laterality(cell: Cell) -> str:
    """Return "L" or "R" for "L", "left", "RIGHT" …, else ""."""
    return {"l": "L", "left": "L", "r": "R", "right": "R"}.get(plain(text(cell)).lower(), "")


def view(cell: Cell) -> str:
    """Return the view's name in capitals: "CC", "MLO" or another."""
    return text(cell).upper()


def date(cell: Cell) -> str:
    """Return "2019-04-25", "2019-04" or "2019" as far as the cell says it without doubt, else ""."""
    if is_blank(cell):
        return ""
    if isinstance(cell, datetime.date):
        return cell.isoformat()[:10]
    written = text(cell)
    if re.fullmatch(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])", written):
        return written
    whole = re.fullmatch(r"((?:19|20)\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?:[T ].*)?", written)
    if whole:
        return "-".join(whole.groups())
    year = re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", written)  # 3/4/2019: March or April nobody can say
    return year[0] if year else ""
