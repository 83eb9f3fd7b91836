"""Reads DDSM's own files: a case's `.ics` and a picture's `.OVERLAY`.

Source: M. Heath, K. Bowyer, D. Kopans, R. Moore, W. P. Kegelmeyer, "The Digital Database for Screening Mammography",
5th International Workshop on Digital Mammography, 2000; the database's page "Description of a case".
"""

import re
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import accumulate
from pathlib import Path

from birads_zoo import Lesion, UserError, open_regular

_ENTRY = re.compile(
    r"(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO) LINES (?P<lines>\d{1,6}) PIXELS_PER_LINE (?P<pixels>\d{1,6}) .*?"
    r"(?P<overlay>(?:NON_)?OVERLAY)"
)
# A chain code's steps from one pixel of the outline to the next: 0 is up, and the numbers go clockwise.
_START, _STEP = re.compile(r"[0-9]{1,6}"), re.compile(r"[0-7]")
_ACROSS = (0, 1, 1, 1, 0, -1, -1, -1)
_DOWN = (-1, -1, 0, 1, 1, 1, 0, -1)


@dataclass(frozen=True, kw_only=True)
class View:
    """A picture of a case: the end of its name, such as "LEFT_CC", its size in pixels, and if it has an overlay."""

    name: str
    width: int
    height: int
    marked: bool


@dataclass(frozen=True, kw_only=True)
class Case:
    """The contents of an `.ics` file; texts as written, "" where it has none."""

    age: str
    density: str
    date: str
    digitizer: str
    views: tuple[View, ...]


@dataclass(kw_only=True)
class Abnormality:
    """One abnormality of an overlay: texts as written, and the box around its outline, if that can be read."""

    lesion_types: list[str] = field(default_factory=list)
    assessment: str = ""
    subtlety: str = ""
    pathology: str = ""
    box: Lesion | None = None


def read_case(path: Path) -> Case:
    """Read an `.ics` file. Raises `UserError` for one that cannot be read."""
    lines = [" ".join(line.split()) for line in _text(path).splitlines()]
    fields = {name: rest for name, _, rest in (line.partition(" ") for line in lines)}
    views = [match for line in lines if (match := _ENTRY.match(line))]
    return Case(
        age=fields.get("PATIENT_AGE", ""),
        density=fields.get("DENSITY", ""),
        date=fields.get("DATE_OF_STUDY", ""),
        digitizer=fields.get("DIGITIZER", ""),
        views=tuple(
            View(
                name=f"{match['side']}_{match['view']}",
                width=int(match["pixels"]),
                height=int(match["lines"]),
                marked=match["overlay"] == "OVERLAY",
            )
            for match in views
        ),
    )


def read_overlay(path: Path) -> list[Abnormality]:
    """Read an `.OVERLAY` file: its abnormalities, each with only the outer outline, not the cores inside it.

    The counts at the start of the file's parts are sometimes wrong and are not used. Raises `UserError` for a
    file that cannot be read.
    """
    abnormalities: list[Abnormality] = []
    outline = False
    for line in _text(path).splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "ABNORMALITY":
            abnormalities.append(Abnormality())
        elif abnormalities and words[0] == "LESION_TYPE" and len(words) > 1:
            abnormalities[-1].lesion_types.append(words[1])
        elif abnormalities and words[0] in ("ASSESSMENT", "SUBTLETY", "PATHOLOGY") and len(words) > 1:
            setattr(abnormalities[-1], words[0].lower(), words[1])
        elif abnormalities and outline:
            abnormalities[-1].box = _box(words)
        outline = words[0] == "BOUNDARY"
    return abnormalities


def _box(words: list[str]) -> Lesion | None:
    """Return the box around a chain code: column, row, then steps of 0 to 7, and "#"."""
    steps = words[: words.index("#")] if "#" in words else words
    if len(steps) < 2 or not all(map(_START.fullmatch, steps[:2])) or not all(map(_STEP.fullmatch, steps[2:])):
        return None
    xs = list(accumulate((_ACROSS[int(step)] for step in steps[2:]), initial=int(steps[0])))
    ys = list(accumulate((_DOWN[int(step)] for step in steps[2:]), initial=int(steps[1])))
    return Lesion(x0=min(xs), y0=min(ys), x1=max(xs) + 1, y1=max(ys) + 1, outline="box")  # whole pixels


def _text(path: Path) -> str:
    try:
        with TextIOWrapper(open_regular(path), encoding="latin-1") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
