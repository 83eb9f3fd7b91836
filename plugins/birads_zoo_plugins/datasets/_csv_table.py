"""Reads any table with one row per picture: columns by their usual names, or mapped by the user."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets._image_folder import pattern_finder
from birads_zoo_plugins.datasets._options import FolderOptions
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.columns import Table, check_mapping, header, read_table, require_columns
from birads_zoo_plugins.datasets._reading.merging import merged_ids
from birads_zoo_plugins.datasets._reading.paths import find_places
from birads_zoo_plugins.datasets._reading.tables import Cell, note_encoding
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree

TARGETS = ("assessment", "label", "density")
"""A table needs at least one of these."""


def load(context: DatasetContext) -> Index:
    """Read `options.table`, or the only CSV or TSV file directly in the root.

    Paths are relative to the root, or absolute (see `find_places`). `subcategory` is "4A", "4B" or "4C" where the
    assessment has it. `options.patient_pattern` finds the patient id where a table has no such column, or a blank cell:
    in the picture's real path, or else in the table's path. Raises `UserError` for a missing or unreadable root or
    table, more than one table, a patient id that differs between table and pattern, and a table without the column
    image_path or without any of assessment, label and density.
    """
    options: FolderOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("csv", context))
    table = _find_table(tree, options)
    find_patient = pattern_finder(options.patient_pattern) if options.patient_pattern else None
    rows = list(table.rows())
    if not rows:
        raise UserError(f"{table.sheet.place} has no row below its header")
    written = [values.path(cells["image_path"]) for _, cells in rows]
    records: list[Record] = []
    audit = note_encoding(table.sheet)
    for (number, cells), path, place in zip(rows, written, find_places(tree, written), strict=True):
        if find_patient:
            by_path = next(iter(find_patient(place.path) or find_patient(path)), "")
            cells["patient_id"] = _same_patient(number, cells.get("patient_id"), by_path)
        record, entries = read_row(number, cells, place.path)
        records.append(record)
        if place.reason:
            audit.append(repaired(record, place.reason, place.detail))
        if find_patient and not record["patient_id"]:
            audit.append(repaired(record, "no patient id", "left empty"))
        audit += entries
    return make_index(tree.root, *merged_ids(records, audit, options), own=("subcategory",))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return the known columns of a folder's only table, or "" where none of them has the pictures' paths."""
    tables = [file for file in files if _is_table(file)]
    if len(tables) != 1:
        return ""
    try:
        table = read_table(folder / tables[0], {})
    except UserError:
        return ""
    return f"{tables[0]} with columns for {', '.join(table.places)}" if "image_path" in table.places else ""


def _same_patient(number: int, cell: Cell, by_path: str) -> Cell:
    """Return a row's patient from its cell, or from its path where that is blank; `UserError` where they differ."""
    if values.is_blank(cell):
        return by_path
    if by_path and values.patient(cell) != values.patient(by_path):
        raise UserError(
            f"row {number}: the patient is {values.patient(cell)!r} by the table and {by_path!r} by --patient-pattern: "
            "leave the pattern out, or name another column with --column patient_id=NAME"
        )
    return cell


def _find_table(tree: Tree, options: FolderOptions) -> Table:
    best = read_table(_find_file(tree, options), options.columns)
    require_columns(best, ("image_path",), options.columns)
    require_target(best)
    return best


def _find_file(tree: Tree, options: FolderOptions) -> Path:
    if options.table:
        return tree.root / options.table
    files = [file for file in tree.files if _is_table(file)]
    if len(files) != 1:
        names = ", ".join(map(repr, files)) or "none"
        raise UserError(f"data set 'csv' needs one table in {tree.root}, found {names}: name it with --table FILE")
    return tree.root / files[0]


def _is_table(file: str) -> bool:
    return "/" not in file and file.lower().endswith((".csv", ".tsv"))


def require_target(table: Table) -> None:
    """Raise `UserError` for a table with nothing to predict."""
    if not any(name in table.places for name in TARGETS):
        raise UserError(
            f"{table.sheet.place} has no column for any of {', '.join(TARGETS)}; it has: "
            f"{', '.join(map(repr, header(table)))}; name one with --column assessment=NAME"
        )


def read_row(number: int, cells: dict[str, Cell], path: str) -> tuple[Record, list[AuditEntry]]:
    """Return a table's row as a record of the picture at `path`, and an audit entry for each unreadable cell."""
    density, cleaned = values.density(cells.get("density"))
    record: dict[str, Any] = {
        "row": number,
        "image_path": path,
        **values.identity(cells),
        "assessment": values.assessment(cells.get("assessment")),
        "subcategory": values.subcategory(cells.get("assessment")),
        "label": values.text(cells.get("label")),
        "density": density,
        "age": values.age(cells.get("age")),
        "source": values.text(cells.get("source")),
        "split": values.part(cells.get("split")),
    }
    entries: list[AuditEntry] = []
    for name in ("laterality", "assessment", "density", "age", "study_date", "split"):
        cell = cells.get(name)
        known = record[name] == record[name] and record[name] != ""  # NaN: no age
        if not known and not values.is_blank(cell):
            entries.append(repaired(record, f"unreadable {name}", f"{values.text(cell)!r}; left empty"))
    if cleaned:
        detail = f"{values.text(cells['density'])!r} read as {density}"
        entries.append(repaired(record, "dirty density", detail))
    word = str(cells.get("label") or "").strip()
    if word and not record["label"]:
        entries.append(repaired(record, "label that says nothing", f"{word!r}; left empty"))
    return record, entries


def repaired(record: Record, reason: str, detail: str) -> AuditEntry:
    """Return an audit entry of a record that was changed."""
    identity = {name: record[name] for name in ("row", "image_path", "patient_id")}
    return AuditEntry(**identity, action="repaired", reason=reason, detail=detail)
