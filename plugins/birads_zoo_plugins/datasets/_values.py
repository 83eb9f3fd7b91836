"""Cells as canonical values: assessment, density, laterality, view, age, date, patient.

Each function takes a cell as a sheet or a CSV file has it. A cell that says nothing, and one that cannot be
understood, both give the empty value; `is_blank` tells them apart.
"""

import datetime
import math
import re

from birads_zoo_plugins.datasets._tables import Cell

CLEAN_DENSITIES = {"0%-25%": "A", "26%-50%": "B", "51%-75%": "C", ">75%": "D"}
"""KAUMDS' shares of glandular tissue as the ACR compositions A to D."""

_BLANK = {"", "na", "n/a", "nan", "none", "null", "-", "?", "unknown"}
_OLDEST = 120.0


def is_blank(cell: Cell) -> bool:
    """Say whether a cell holds nothing, or one of the words for it."""
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or str(cell).strip().lower() in _BLANK


def text(cell: Cell) -> str:
    """Return a cell's text on one line, "" for a blank one; 3.0, as sheets store whole numbers, gives "3"."""
    if is_blank(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())


def path(cell: Cell) -> str:
    """Return a relative path as POSIX has it; spaces inside it are part of the name, line ends behind it are not."""
    return "" if is_blank(cell) else str(cell).strip().replace("\\", "/").removeprefix("./")


def label(cell: Cell) -> str:
    """Return a class's name as written: "none" may well be one."""
    if cell is None or str(cell).strip().lower() in ("", "nan"):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else " ".join(str(cell).split())


def patient(cell: Cell) -> str:
    """Return the patient id without the spaces that some tables put into it ("BC 007741")."""
    return text(cell).replace(" ", "")


def assessment(cell: Cell) -> str:
    """Return the category "0" … "6" of "BIRAD 2", "BI-RADS 4A", "5" or 3.0; "" for anything else."""
    found = re.fullmatch(r"(?:BI[ _-]*RADS?[ _:-]*)?([0-6])(?:\.0+)? ?[ABC]?", text(cell).upper())
    return found[1] if found else ""


def density(cell: Cell) -> tuple[str, bool]:
    """Return the composition "A" … "D", and whether the cell had to be cleaned for it.

    Clean are the four shares as KAUMDS spells them, the letters, and the categories 1 to 4. Cleaned are spaces and
    missing per cent signs ("26% -50%", "51-75%") and a 5 typed for the per cent sign on the same key ("26%-505").
    A share that fits no single composition ("0%-50%") gives "".
    """
    written = text(cell).upper()
    if written in CLEAN_DENSITIES:
        return CLEAN_DENSITIES[written], False
    if re.fullmatch(r"[A-D]|[1-4]", written):
        return (written if written.isalpha() else "ABCD"[int(written) - 1]), False
    bare = re.sub(r"[\s%]", "", written)
    for clean, letter in CLEAN_DENSITIES.items():
        share = clean.replace("%", "")
        if bare in (share, share + "5"):
            return letter, True
    return "", False


def laterality(cell: Cell) -> str:
    """Return "L" or "R" for "L", "left", "RIGHT" …, else ""."""
    return {"l": "L", "left": "L", "r": "R", "right": "R"}.get(text(cell).lower(), "")


def view(cell: Cell) -> str:
    """Return the view's name in capitals: "CC", "MLO" or another."""
    return text(cell).upper()


def age(cell: Cell) -> float:
    """Return the years of 51, "51", "051Y"; NaN for anything outside 0 … 120."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:Y|YEARS?)?", text(cell).upper())
    years = float(found[1]) if found else math.nan
    return years if years <= _OLDEST else math.nan


def date(cell: Cell) -> str:
    """Return "2019-04-25", "2019-04" or "2019" as far as the cell says it without doubt, else ""."""
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
