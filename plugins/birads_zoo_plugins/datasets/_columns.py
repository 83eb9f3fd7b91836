"""Which column of a table means what: names matched by meaning, misspellings and all."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from birads_zoo import INDEX_COLUMNS, UserError, unknown_name
from birads_zoo.cells import text
from birads_zoo_plugins.datasets._tables import HEADER_ROWS, Cell, Sheet, read_sheets

MAPPABLE = tuple(name for name in INDEX_COLUMNS if name not in ("row", "lesions"))
"""The canonical columns that a table can give."""

_MEANINGS: dict[str, tuple[str, ...]] = {
    "image_path": ("image path", "image file path", "file path", "image file", "file name", "image", "path", "file"),
    "patient_id": ("patient id", "patient", "patient number", "patient no", "subject id"),
    "exam_id": ("exam id", "examination id", "study id", "study instance uid"),
    "laterality": ("laterality", "breast type", "left or right breast", "breast side", "side", "image laterality"),
    "view": ("view", "breast view", "image view", "view position", "projection"),
    "assessment": ("assessment", "birads", "birad", "birads category", "birads assessment", "breast birads"),
    "label": ("label", "class", "diagnosis", "pathology", "finding"),
    "density": ("density", "breast density", "percentage of glandular tissue density", "acr density", "acr"),
    "age": ("age", "patient age", "age at study"),
    "source": ("source", "site", "site id", "hospital", "centre", "center", "scanner", "machine", "manufacturer"),
    "split": ("split", "official split", "partition"),
    "study_date": ("study date", "date", "exam date", "date of study"),
}
_BRACES = re.compile(r"\{([^{}]+)\}")
_MISSPELT = {"assesment": "assessment", "assesement": "assessment", "assessement": "assessment"} | dict.fromkeys(
    ("grandular", "granular", "glandualr"), "glandular"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows below a sheet's header, and which cells of a row make which canonical column."""

    sheet: Sheet
    header_row: int
    places: Mapping[str, "Place"]

    def rows(self) -> Iterator[tuple[int, dict[str, Cell]]]:
        """Yield each row's number in the sheet and its cells by canonical column; None where a row is short."""
        for number, cells in self.sheet.rows:
            if number > self.header_row:
                yield number, {name: _cell(place, cells) for name, place in self.places.items()}


Place = int | tuple[str | int, ...]
"""Where a column's cell is in a row; or, of one made of several, these, and the texts between them."""


def read_table(file: Path, columns: Mapping[str, str]) -> Table:
    """Read the sheet of a file that has the most columns whose meaning is known; of several the first.

    Raises `UserError` for a file that is no table (see `read_sheets`), and for a workbook without a sheet.
    """
    tables = [find_table(sheet, columns) for sheet in read_sheets(file)]
    if not tables:
        raise UserError(f"{file} has no sheet")
    return max(tables, key=lambda table: len(table.places))


def find_table(sheet: Sheet, columns: Mapping[str, str]) -> Table:
    """Find the header among a sheet's first rows: the one with the most cells whose meaning is known.

    `columns` maps canonical names to the sheet's own and goes before any guess. With names in braces a column is made
    of several: "{patient_id}/{image_id}.png". Of two columns with one meaning the better name wins, then the first.
    """
    best = Table(sheet=sheet, header_row=0, places={})
    for number, cells in sheet.rows[:HEADER_ROWS]:
        places = _places(cells, columns)
        if len(places) > len(best.places):
            best = Table(sheet=sheet, header_row=number, places=places)
    return best


def check_mapping(columns: Mapping[str, str]) -> None:
    """Raise `UserError` where a mapping names a canonical column that is none, with the nearest names."""
    for name in columns:
        if name not in MAPPABLE:
            raise unknown_name("column", name, MAPPABLE)


def require_columns(table: Table, needed: tuple[str, ...], columns: Mapping[str, str]) -> None:
    """Raise `UserError` for a needed or mapped column that the table lacks, with the columns it has."""
    for name, wanted in columns.items():
        if name not in table.places:
            theirs = _lacking(wanted, table)
            near = difflib.get_close_matches(theirs, header(table), n=1)
            hint = f"did you mean {near[0]!r}? It has" if near else "it has"
            raise UserError(f"{table.sheet.place} has no column {theirs!r} (for {name}); {hint}: {_shown(table)}")
    for name in needed:
        if name not in table.places:
            raise UserError(
                f"{table.sheet.place} has no column for {name} (such as {_MEANINGS[name][0]!r}); "
                f"it has: {_shown(table)}; name it with --column {name}=NAME"
            )


def header(table: Table) -> tuple[str, ...]:
    """Return the names in the table's header row; the first row's where no header was found."""
    rows = [cells for number, cells in table.sheet.rows if number == table.header_row] or [
        cells for _, cells in table.sheet.rows[:1]
    ]
    return tuple(" ".join(str(cell).split()) for cell in rows[0] if cell not in (None, "")) if rows else ()


def _shown(table: Table) -> str:
    return ", ".join(repr(name) for name in header(table)) or "none"


def _lacking(wanted: str, table: Table) -> str:
    """Return the column that a mapping names and the header lacks."""
    names = _BRACES.findall(wanted) or [wanted]
    return next((name for name in names if _find(name, header(table)) is None), wanted)


def _cell(place: Place, cells: tuple[Cell, ...]) -> Cell:
    if isinstance(place, int):
        return cells[place] if place < len(cells) else None
    parts = [part if isinstance(part, str) else text(_cell(part, cells)) for part in place]
    return "".join(parts) if all(parts) else None


def _places(cells: tuple[Cell, ...], columns: Mapping[str, str]) -> dict[str, Place]:
    names = tuple(cell if isinstance(cell, str) else "" for cell in cells)
    places: dict[str, Place] = {}
    for canonical in MAPPABLE:
        own = columns.get(canonical)
        if own is not None:
            found = _made(own, names) if _BRACES.search(own) else _find(own, names)
        else:
            wanted = (canonical, *_MEANINGS[canonical])
            found = next((at for meaning in wanted if (at := _find(meaning, names)) is not None), None)
        if found is not None:
            places[canonical] = found
    return places


def _made(pattern: str, names: tuple[str, ...]) -> Place | None:
    """Return the parts of a column made of several; None where one of those is not there."""
    parts: list[str | int] = []
    for at, part in enumerate(_BRACES.split(pattern)):  # texts and names by turns
        found = _find(part, names) if at % 2 else part
        if found is None:
            return None
        parts += [found] if found != "" else []
    return tuple(parts)


def _find(name: str, names: tuple[str, ...]) -> int | None:
    """Return where a column is: by its name as written, else by its meaning."""
    exact = [at for at, one in enumerate(names) if one.strip() == name.strip()]
    near = [at for at, one in enumerate(names) if _normalised(one) == _normalised(name)]
    return next(iter(exact or near), None) if name else None


@lru_cache(maxsize=4096)
def _normalised(name: str) -> str:
    """Return "percentageofglandulartissuedensity" for "Percentage of grandular tissue(density)"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # PatientID
    words = re.findall(r"[^\W_]+", spaced.lower())
    return "".join(_MISSPELT.get(word, word) for word in words)
