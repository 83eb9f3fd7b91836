"""Matches a table's labels with DICOM files, by path or by the patient, side and view in the headers."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Literal

from birads_zoo import AuditEntry, Record
from birads_zoo.dicom import Facts, patient_key
from birads_zoo_plugins.datasets._csv_table import read_row, require_target
from birads_zoo_plugins.datasets._options import TableOptions
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.columns import read_table, require_columns
from birads_zoo_plugins.datasets._reading.paths import AMBIGUOUS, find_places
from birads_zoo_plugins.datasets._reading.tables import note_encoding
from birads_zoo_plugins.datasets._reading.tree import Tree

_FIELDS = ("assessment", "label", "density", "laterality", "view", "age", "patient_id")

Key = tuple[str, ...]
"""A path without its suffix, or a patient id with side and view, where the table has columns for them."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A table's rows by their keys: each with its number, its record, and audit entries for unreadable cells.

    `by` names the parts of a key. A key with an empty part could match different patients, so such rows are left out:
    `keyless` has their numbers, each with a reason and a detail. It also has rows whose path may be one of several
    files. `notes` are about the whole table.
    """

    by: tuple[str, ...]
    rows: dict[Key, list[tuple[int, Record, list[AuditEntry]]]]
    keyless: tuple[tuple[int, str, str], ...]
    notes: tuple[AuditEntry, ...]

    def key(self, file: str, patient: str, facts: Facts) -> Key:
        """Return the key of the rows of this file."""
        parts = {"image_path": _stem(file), "patient_id": patient_key(patient)}
        parts |= {"laterality": facts.laterality, "view": facts.view}
        return tuple(parts[name] for name in self.by)

    def find(self, key: Key) -> tuple[Record, list[AuditEntry]]:
        """Return the fields of the rows with this key, and notes; a field in which the rows differ is left empty."""
        if lacking := _lacking(self.by, key):
            return {}, [note("repaired", "no key", f"without {lacking} it cannot be matched with the table")]
        rows = self.rows.get(key, [])
        record: dict[str, Any] = {}
        notes = [entry for _, _, entries in rows for entry in entries]
        for name in (name for name in _FIELDS if name not in self.by):
            cells = {row[name] for _, row, _ in rows} - {""}
            cells = {value for value in cells if value == value}  # NaN: no age
            if len(cells) == 1:
                record[name] = cells.pop()
            elif cells:
                numbers = ", ".join(str(number) for number, _, _ in rows)
                notes.append(note("repaired", f"{name} conflict", f"rows {numbers} of the table; left empty"))
        return record, notes

    def unmatched(self, keys: Set[Key], after: int) -> list[AuditEntry]:
        """Return an audit entry for each row of the table without a key or with none of `keys`, from `after` + 1 on."""
        numbers = sorted(number for key, rows in self.rows.items() if key not in keys for number, _, _ in rows)
        unmatched = [("no file", f"row {number} of the table has no usable picture here") for number in numbers]
        unmatched += [(reason, f"row {number} of the table {detail}") for number, reason, detail in self.keyless]
        return [note("dropped", *entry, row=after + at) for at, entry in enumerate(unmatched, start=1)]


def read_labels(tree: Tree, options: TableOptions) -> Labels:
    """Read `options.table`: assessment, label or density, for each picture, breast or patient.

    A table with image paths, at least one of which exists (see `find_places`), is matched by path, ignoring suffix and
    case. Any other table needs patient ids as in the headers. It is matched by patient, and by side and view where it
    has columns for them; a row in which one of these is blank or unreadable is not matched. Raises `UserError` for an
    unreadable table, and for one with neither paths nor patient ids.
    """
    table = read_table(tree.root / options.table, options.columns)
    if "image_path" not in table.places:
        require_columns(table, ("patient_id",), options.columns)
    require_target(table)
    numbered = list(table.rows())
    places = find_places(tree, [values.path(cells.get("image_path")) for _, cells in numbered])
    here = {_stem(file) for file in tree.files}
    by: tuple[str, ...] = ("image_path",)
    if "patient_id" in table.places and not any(_stem(place.path) in here for place in places):
        by = ("patient_id", *(name for name in ("laterality", "view") if name in table.places))
    rows: dict[Key, list[tuple[int, Record, list[AuditEntry]]]] = {}
    keyless: list[tuple[int, str, str]] = []
    for (number, cells), place in zip(numbered, places, strict=True):
        record, entries = read_row(number, cells, place.path)
        fields = {**record, "image_path": _stem(place.path), "patient_id": patient_key(record["patient_id"])}
        key = tuple(fields[name] for name in by)
        if lacking := _lacking(by, key):
            keyless.append((number, "no key", f"has no {lacking}"))
        elif by == ("image_path",) and place.reason == AMBIGUOUS:
            keyless.append((number, place.reason, place.detail))
        else:
            if by == ("image_path",) and place.reason:  # the path itself may name a person
                entries.append(note("repaired", place.reason, f"row {number} of the table has another path"))
            rows.setdefault(key, []).append((number, fields, entries))
    return Labels(by=by, rows=rows, keyless=tuple(keyless), notes=tuple(note_encoding(table.sheet)))


def _lacking(by: tuple[str, ...], key: Key) -> str:
    return ", ".join(name for name, part in zip(by, key, strict=True) if not part)


def _stem(path: str) -> str:
    low = path.lower()
    return low.removesuffix(".dcm").removesuffix(".dicom")


def note(action: Literal["dropped", "repaired"], reason: str, detail: str, row: int = 0) -> AuditEntry:
    """Return an audit entry without a picture."""
    return AuditEntry(row=row, image_path="", patient_id="", action=action, reason=reason, detail=detail)
