"""Any table with a row a picture: columns by their usual names, or mapped by the user."""

from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._columns import Table, check_mapping, find_table, header, require_columns
from birads_zoo_plugins.datasets._image_folder import pattern_finder
from birads_zoo_plugins.datasets._options import PatientOptions
from birads_zoo_plugins.datasets._tables import Cell, read_sheets
from birads_zoo_plugins.datasets._tree import Tree, check_root, list_tree

TARGETS = ("assessment", "label", "density")
"""Of these a table needs one."""


def load(context: DatasetContext) -> Index:
    """Read `options.table`, or the only CSV or TSV file directly in the root.

    Paths are relative to the root, or absolute; one that does not exist as written is looked for in any case and
    with any picture's suffix. `options.patient_pattern` finds the patient id in the path of a table without such a
    column. Raises `UserError` for a missing or unreadable root or table, more tables than one, both
    ways to a patient at once, and a table without the column image_path or without any of assessment, label and
    density.
    """
    options: PatientOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("csv", context))
    table = _find_table(tree, options)
    find_patient = pattern_finder(options.patient_pattern) if options.patient_pattern else None
    if find_patient and "patient_id" in table.places:
        raise UserError("csv takes the patient id from the table's column or from --patient-pattern, not from both")
    exact = set(tree.files)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for number, cells in table.rows():
        if find_patient:
            cells["patient_id"] = next(iter(find_patient(values.path(cells["image_path"]))), None)
        record, entries = read_row(number, cells, tree, exact)
        records.append(record)
        audit += entries
    if not records:
        raise UserError(f"{table.sheet.place} has no row below its header")
    return make_index(tree.root, records, audit)


def _find_table(tree: Tree, options: PatientOptions) -> Table:
    sheets = list(read_sheets(_find_file(tree, options)))
    tables = [find_table(sheet, options.columns) for sheet in sheets]
    best = max(tables, key=lambda table: len(table.places))  # a workbook's sheet is known by its columns
    require_columns(best, ("image_path",), options.columns)
    require_target(best)
    return best


def _find_file(tree: Tree, options: PatientOptions) -> Path:
    if options.table:
        return tree.root / options.table
    files = [file for file in tree.files if "/" not in file and file.lower().endswith((".csv", ".tsv"))]
    if len(files) != 1:
        found = ", ".join(map(repr, files)) or "none"
        raise UserError(f"data set 'csv' needs one table in {tree.root}, found {found}: name it with --table FILE")
    return tree.root / files[0]


def require_target(table: Table) -> None:
    """Raise `UserError` for a table with nothing to predict."""
    if not any(name in table.places for name in TARGETS):
        raise UserError(
            f"{table.sheet.place} has no column for any of {', '.join(TARGETS)}; it has: "
            f"{', '.join(map(repr, header(table)))}; name one with --column assessment=THEIRS"
        )


def read_row(number: int, cells: dict[str, Cell], tree: Tree, exact: set[str]) -> tuple[Record, list[AuditEntry]]:
    """Return a table's row as a record, and what of it could not be read; `exact` are the tree's files."""
    path = values.path(cells["image_path"])
    if path not in exact:
        path = tree.find(path) or path
    identity = values.identity(cells)
    patient = identity["patient_id"]
    density, cleaned = values.density(cells.get("density"))
    record: Record = {
        "row": number,
        "image_path": path,
        **identity,
        "assessment": values.assessment(cells.get("assessment")),
        "label": values.label(cells.get("label")),
        "density": density,
        "age": values.age(cells.get("age")),
    }
    entries: list[AuditEntry] = []
    for name in ("laterality", "assessment", "density", "age", "study_date"):
        cell = cells.get(name)
        known = record[name] == record[name] and record[name] != ""  # NaN is no age
        if not known and not values.is_blank(cell):
            entries.append(_repaired(number, path, patient, f"unreadable {name}", f"{values.text(cell)!r}; left empty"))
    if cleaned:
        detail = f"{values.text(cells['density'])!r} read as {density}"
        entries.append(_repaired(number, path, patient, "dirty density", detail))
    return record, entries


def _repaired(row: int, path: str, patient: str, reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=row, image_path=path, patient_id=patient, action="repaired", reason=reason, detail=detail)
