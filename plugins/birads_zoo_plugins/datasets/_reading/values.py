"""Reads cells as canonical values: assessment, density, age, path, label, split, and those of `birads_zoo.cells`.

Each function takes a cell of a sheet or a CSV file. A blank cell and one that cannot be read both give the empty value;
`is_blank` distinguishes them.
"""

import math
import re

from birads_zoo.cells import Cell
from birads_zoo.cells import date as date
from birads_zoo.cells import exam as exam
from birads_zoo.cells import folded as folded
from birads_zoo.cells import identity as identity
from birads_zoo.cells import is_blank as is_blank
from birads_zoo.cells import laterality as laterality
from birads_zoo.cells import patient as patient
from birads_zoo.cells import plain as plain
from birads_zoo.cells import text as text
from birads_zoo.cells import view as view

CLEAN_DENSITIES = {"0%-25%": "A", "26%-50%": "B", "51%-75%": "C", ">75%": "D"}
"""KAUMDS' percentages of glandular tissue and the ACR compositions A to D."""

_OLDEST = 120.0

_PARTS = {
    **dict.fromkeys(("train", "training", "trainset", "train_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "valset", "val_set", "validation_set"), "val"),
    **dict.fromkeys(("test", "testing", "testset", "test_set", "holdout"), "test"),
}

_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6"}
_BEFORE = r"(?:(?:ACR|BI[ _-]*RADS?|CATEGORY|CAT\.?|{})[ _:-]*)*"
# As in "4 (suspicious)"; in "II - right, IV - left" it is unclear which category is meant.
_BEHIND = r"(?!.*\b(?:[IV]+[A-D]?|%s)\b)(?: ?\([^)\d]*\)| ?[-:,;=] ?[^\W\d]{3}\D*)?"
_ASSESSMENT = re.compile(
    _BEFORE.format("ASSESSMENT|SCORE")
    + r"(?P<category>[0-6]|VI|IV|V|I{1,3})(?:[.,]0+)?[ -]?(?P<part>[ABC]?)"
    + _BEHIND % r"[BC]|A(?! [^\W\d])"  # "a" before a word is an article
)
_DENSITY = re.compile(
    _BEFORE.format("BREAST|TISSUE|COMPOSITION|DENSITY|TYPE|CLASS")
    + r"(?P<category>[A-D1-4]|IV|I{1,3})(?:[.,]0+)?"
    + _BEHIND % "[A-D]"
)
_DENSITY_WORDS = {
    "A": ("FATTY", "ENTIRELY FATTY", "ALMOST ENTIRELY FAT", "ALMOST ENTIRELY FATTY"),
    "B": ("SCATTERED", "SCATTERED FIBROGLANDULAR", "SCATTERED AREAS OF FIBROGLANDULAR DENSITY"),
    "C": ("HETEROGENEOUS", "HETEROGENEOUSLY DENSE"),
    "D": ("EXTREMELY DENSE",),
}
"""The ACR's names of its compositions."""


def path(cell: Cell) -> str:
    """Return a path with forward slashes; spaces inside it are kept, white space around it is not."""
    return "" if is_blank(cell) else text_of(cell).strip().replace("\\", "/").removeprefix("./")


def text_of(cell: Cell) -> str:
    """Return a cell's text with its spaces; 3.0, as sheets store whole numbers, gives "3"."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def assessment(cell: Cell) -> str:
    """Return the category "0" … "6" of "BIRAD 2", "BI-RADS® 4A", "Category 4", "IV", "4 (suspicious)", "5" or 3.0.

    "" for anything else, and where a cell has more than one category.
    """
    match = _ASSESSMENT.fullmatch(plain(text(cell)).upper())
    return _digit(match["category"]) if match else ""


def subcategory(cell: Cell) -> str:
    """Return "4A", "4B" or "4C" where an assessment has it, else ""."""
    match = _ASSESSMENT.fullmatch(plain(text(cell)).upper())
    return f"4{match['part']}" if match and match["part"] and _digit(match["category"]) == "4" else ""


def density(cell: Cell) -> tuple[str, bool]:
    """Return the composition "A" … "D", and whether the cell had to be cleaned for it.

    Clean cells are: the four percentages as KAUMDS spells them; the letters; the categories 1 to 4 and I to IV; these
    with a word before them ("DENSITY C", "ACR B") or after them ("C (heterogeneously dense)"); and the ACR's names.
    Cleaned are spaces and missing per cent signs ("26% -50%", "51-75%"), and a 5 typed instead of the per cent sign on
    the same key ("26%-505"). A percentage that fits more than one composition ("0%-50%") gives "".
    """
    written = plain(text(cell)).upper()
    if written in CLEAN_DENSITIES:
        return CLEAN_DENSITIES[written], False
    if match := _DENSITY.fullmatch(written):
        digit = _digit(match["category"])
        return ("ABCD"[int(digit) - 1] if digit.isdecimal() else digit), False
    for letter, names in _DENSITY_WORDS.items():
        if written in names:
            return letter, False
    bare = re.sub(r"[\s%]", "", written)
    for clean, letter in CLEAN_DENSITIES.items():
        share = clean.replace("%", "")
        if bare in (share, share + "5"):
            return letter, True
    return "", False


def age(cell: Cell) -> float:
    """Return the years of 51, "51", "051Y", "51,0"; NaN for anything outside 0 … 120."""
    match = re.fullmatch(r"(\d+(?:[.,]\d+)?) ?(?:Y|YEARS?)?", plain(text(cell)).upper())
    years = float(match[1].replace(",", ".")) if match else math.nan
    return years if years <= _OLDEST else math.nan


def part(cell: Cell) -> str:
    """Return "train", "val" or "test" for a usual word for that part of a split, else ""."""
    word = text(cell).casefold().replace("-", "_").replace(" ", "_")
    return _PARTS.get(word, "")


def _digit(category: str) -> str:
    return _ROMAN.get(category, category)
