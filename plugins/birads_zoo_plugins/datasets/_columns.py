"""Which column of a table means what: names matched by meaning, misspellings and all."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from birads_zoo import INDEX_COLUMNS, UserError, unknown_name
from birads_zoo_plugins.datasets._tables import HEADER_ROWS, Cell, Sheet

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
    "study_date": ("study date", "date", "exam date", "date of study"),
}
_MISSPELT = {"assesment": "assessment", "assesement": "assessment", "assessement": "assessment"} | dict.fromkeys(
    ("grandular", "granular", "glandualr"), "glandular"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows below a sheet's header, and which cell of a row holds which canonical column."""

    sheet: Sheet
    header_row: int
    places: Mapping[str, int]

    def rows(self) -> Iterator[tuple[int, dict[str, Cell]]]:
        """Yield each row's number in the sheet and its cells by canonical column; None where a row is short."""
        for number, cells in self.sheet.rows:
            if number > self.header_row:
                yield number, {name: cells[at] if at < len(cells) else None for name, at in self.places.items()}


def find_table(sheet: Sheet, columns: Mapping[str, str]) -> Table:
    """Find the header among a sheet's first rows: the one with the most cells whose meaning is known.

    `columns` maps canonical names to the sheet's own and goes before any guess. Of two columns with one meaning
    the better name wins, then the first.
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
    for name, theirs in columns.items():
        if name not in table.places:
            near = difflib.get_close_matches(theirs, header(table), n=1)
            hint = f"did you mean {near[0]!r}? It has" if near else "it has"
            raise UserError(f"{table.sheet.place} has no column {theirs!r} (for {name}); {hint}: {_shown(table)}")
    for name in needed:
        if name not in table.places:
            raise UserError(
                f"{table.sheet.place} has no column for {name} (such as {_MEANINGS[name][0]!r}); "
                f"it has: {_shown(table)}; name it with --column {name}=THEIRS"
            )


def header(table: Table) -> tuple[str, ...]:
    """Return the names in the table's header row; the first row's where no header was found."""
    rows = [cells for number, cells in table.sheet.rows if number == table.header_row] or [
        cells for _, cells in table.sheet.rows[:1]
    ]
    return tuple(" ".join(str(cell).split()) for cell in rows[0] if cell not in (None, "")) if rows else ()


def _shown(table: Table) -> str:
    return ", ".join(repr(name) for name in header(table)) or "none"


def _places(cells: tuple[Cell, ...], columns: Mapping[str, str]) -> dict[str, int]:
    names = [_normalised(cell) if isinstance(cell, str) else "" for cell in cells]
    places: dict[str, int] = {}
    for canonical in MAPPABLE:
        own = columns.get(canonical)
        if own is not None:
            exact = [at for at, cell in enumerate(cells) if isinstance(cell, str) and cell.strip() == own.strip()]
            found = exact or [at for at, name in enumerate(names) if name == _normalised(own)]
        else:
            wanted = (canonical, *_MEANINGS[canonical])
            found = [at for meaning in wanted for at, name in enumerate(names) if name == _normalised(meaning)]
        if found:
            places[canonical] = found[0]
    return places


def _normalised(name: str) -> str:
    """Return "percentageofglandulartissuedensity" for "Percentage of grandular tissue(density)"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # PatientID
    words = re.findall(r"[^\W_]+", spaced.lower())
    return "".join(_MISSPELT.get(word, word) for word in words)
