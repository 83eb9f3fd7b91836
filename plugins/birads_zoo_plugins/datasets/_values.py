"""Cells as canonical values: assessment, density, age, path, label, and those of `birads_zoo.cells`.

Each function takes a cell as a sheet or a CSV file has it. A cell that says nothing, and one that cannot be
understood, both give the empty value; `is_blank` tells them apart.
"""

import math
import re

from birads_zoo.cells import Cell
from birads_zoo.cells import date as date
from birads_zoo.cells import exam as exam
from birads_zoo.cells import identity as identity
from birads_zoo.cells import is_blank as is_blank
from birads_zoo.cells import laterality as laterality
from birads_zoo.cells import patient as patient
from birads_zoo.cells import text as text
from birads_zoo.cells import view as view

CLEAN_DENSITIES = {"0%-25%": "A", "26%-50%": "B", "51%-75%": "C", ">75%": "D"}
"""KAUMDS' shares of glandular tissue as the ACR compositions A to D."""

_OLDEST = 120.0


def path(cell: Cell) -> str:
    """Return a relative path as POSIX has it; spaces inside it are part of the name, line ends behind it are not."""
    return "" if is_blank(cell) else str(cell).strip().replace("\\", "/").removeprefix("./")


def label(cell: Cell) -> str:
    """Return a class's name as written: "none" may well be one."""
    if cell is None or str(cell).strip().lower() in ("", "nan"):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else " ".join(str(cell).split())


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


def age(cell: Cell) -> float:
    """Return the years of 51, "51", "051Y"; NaN for anything outside 0 … 120."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:Y|YEARS?)?", text(cell).upper())
    years = float(found[1]) if found else math.nan
    return years if years <= _OLDEST else math.nan
