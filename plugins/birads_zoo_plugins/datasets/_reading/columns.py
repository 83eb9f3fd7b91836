"""Finds the columns of a table by their meaning, also under misspelt names."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from birads_zoo import INDEX_COLUMNS, UserError, unknown_name
from birads_zoo.cells import text
from birads_zoo_plugins.datasets._reading.tables import HEADER_ROWS, Cell, Sheet, read_sheets

MAPPABLE = tuple(name for name in INDEX_COLUMNS if name not in ("row", "lesions"))
"""The canonical columns that a table can have."""

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
    """The rows below a sheet's header, and the place of each canonical column in a row."""

    sheet: Sheet
    header_row: int
    places: Mapping[str, "Place"]

    def rows(self) -> Iterator[tuple[int, dict[str, Cell]]]:
        """Yield each row's number in the sheet and its cells by canonical column; None where a row is short."""
        for number, cells in self.sheet.rows:
            if number > self.header_row:
                yield number, {name: _cell(place, cells) for name, place in self.places.items()}


Place = int | tuple[str | int, ...]
"""A column's position in a row; for a column combined from several, their positions and the texts between them."""


def read_table(file: Path, columns: Mapping[str, str]) -> Table:
    """Read the sheet of a file that has the most columns with a known meaning; of several, the first.

    Raises `UserError` for a file that is not a table (see `read_sheets`), and for a workbook without a sheet.
    """
    tables = [find_table(sheet, columns) for sheet in read_sheets(file)]
    if not tables:
        raise UserError(f"{file} has no sheet")
    return max(tables, key=lambda table: len(table.places))


def find_table(sheet: Sheet, columns: Mapping[str, str]) -> Table:
    """Find the header among a sheet's first rows: the row with the most cells whose meaning is known.

    `columns` maps canonical names to the sheet's names and overrides any guess. Names in braces combine several
    columns: "{patient_id}/{image_id}.png". Of two columns with the same meaning, the better name wins, then the first.
    """
    best = Table(sheet=sheet, header_row=0, places={})
    for number, cells in sheet.rows[:HEADER_ROWS]:
        places = _places(cells, columns)
        if len(places) > len(best.places):
            best = Table(sheet=sheet, header_row=number, places=places)
    return best


def check_mapping(columns: Mapping[str, str]) -> None:
    """Raise `UserError` where a mapping names an unknown canonical column, with the nearest names."""
    for name in columns:
        if name not in MAPPABLE:
            raise unknown_name("column", name, MAPPABLE)


def require_columns(table: Table, needed: tuple[str, ...], columns: Mapping[str, str]) -> None:
    """Raise `UserError` for a needed or mapped column that the table lacks, with the columns it has."""
    for name, mapped in columns.items():
        if name not in table.places:
            missing = _missing(mapped, table)
            near = difflib.get_close_matches(missing, header(table), n=1)
            hint = f"did you mean {near[0]!r}? It has" if near else "it has"
            raise UserError(f"{table.sheet.place} has no column {missing!r} (for {name}); {hint}: {_shown(table)}")
    for name in needed:
        if name not in table.places:
            raise UserError(
                f"{table.sheet.place} has no column for {name} (such as {_MEANINGS[name][0]!r}); "
                f"it has: {_shown(table)}; name it with --column {name}=NAME"
            )


def header(table: Table) -> tuple[str, ...]:
    """Return the names in the table's header row, or in its first row where no header was found."""
    rows = [cells for number, cells in table.sheet.rows if number == table.header_row] or [
        cells for _, cells in table.sheet.rows[:1]
    ]
    return tuple(" ".join(str(cell).split()) for cell in rows[0] if cell not in (None, "")) if rows else ()


def _shown(table: Table) -> str:
    return ", ".join(repr(name) for name in header(table)) or "none"


def _missing(mapped: str, table: Table) -> str:
    """Return the column that a mapping names and the header does not have."""
    names = _BRACES.findall(mapped) or [mapped]
    return next((name for name in names if _find(name, header(table)) is None), mapped)


def _cell(place: Place, cells: tuple[Cell, ...]) -> Cell:
    if isinstance(place, int):
        return cells[place] if place < len(cells) else None
    parts = [part if isinstance(part, str) else text(_cell(part, cells)) for part in place]
    return "".join(parts) if all(parts) else None


def _places(cells: tuple[Cell, ...], columns: Mapping[str, str]) -> dict[str, Place]:
    names = tuple(cell if isinstance(cell, str) else "" for cell in cells)
    places: dict[str, Place] = {}
    for canonical in MAPPABLE:
        mapped = columns.get(canonical)
        if mapped is not None:
            place = _combined(mapped, names) if _BRACES.search(mapped) else _find(mapped, names)
        else:
            meanings = (canonical, *_MEANINGS[canonical])
            place = next((at for meaning in meanings if (at := _find(meaning, names)) is not None), None)
        if place is not None:
            places[canonical] = place
    return places


def _combined(pattern: str, names: tuple[str, ...]) -> Place | None:
    """Return the place of a column that is combined from several; None where one of these is missing."""
    parts: list[str | int] = []
    for at, part in enumerate(_BRACES.split(pattern)):  # texts and names alternate
        place = _find(part, names) if at % 2 else part
        if place is None:
            return None
        parts += [place] if place != "" else []
    return tuple(parts)


def _find(name: str, names: tuple[str, ...]) -> int | None:
    """Return a column's position, by its name as written or else by its meaning."""
    exact = [at for at, other in enumerate(names) if other.strip() == name.strip()]
    near = [at for at, other in enumerate(names) if _normalised(other) == _normalised(name)]
    return next(iter(exact or near), None) if name else None


@lru_cache(maxsize=4096)
def _normalised(name: str) -> str:
    """Return "percentageofglandulartissuedensity" for "Percentage of grandular tissue(density)"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # PatientID
    words = re.findall(r"[^\W_]+", spaced.lower())
    return "".join(_MISSPELT.get(word, word) for word in words)
