"""Reads one folder per class, with pictures in it at any depth."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, natural_key
from birads_zoo_plugins.datasets._options import FolderOptions
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.class_folders import read_folders
from birads_zoo_plugins.datasets._reading.columns import check_mapping, read_table, require_columns
from birads_zoo_plugins.datasets._reading.merging import merged_ids
from birads_zoo_plugins.datasets._reading.paths import find_places
from birads_zoo_plugins.datasets._reading.tables import note_encoding
from birads_zoo_plugins.datasets._reading.tree import PICTURES, Tree, check_root, list_tree


def load(context: DatasetContext) -> Index:
    """Read `root/CLASS/…/picture`: `label` is the folder's name, rows count the files in natural order.

    Folders that hold all pictures ("images/") are skipped, and so are folders of a split ("train/", "val/", "test/"),
    which are kept in the column `split` (see `read_folders`).

    The patient id is the first group of `options.patient_pattern` in the path below the root, or comes from
    `options.table`, which then needs the columns image_path and patient_id (by any of their usual names). With neither
    it is unknown, and also where the table has several patients for one picture. Other files than pictures are dropped
    rows. Raises `UserError` for a missing or unreadable root, fewer than two class folders, both a pattern and a table,
    columns without a table, and an invalid pattern or unreadable table.
    """
    options: FolderOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("image-folder", context))
    find_patient, audit = _patient_finder(tree, options)
    # Files beside the class folders are not samples: a read-me, the table, a licence.
    inside = [file for file in tree.files if "/" in file and not _hidden(file)]
    folders = read_folders([file for file in inside if file.lower().endswith(PICTURES)], tree.root)
    records: list[Record] = []
    if parts := sorted({folder.part for folder in folders.values()} - {""}):
        detail = f"{', '.join(parts)}: kept in the column split; folds do not follow it"
        audit.append(_entry(0, "", "repaired", "folders of a split", detail))
    for number, file in enumerate(sorted(inside, key=natural_key), start=1):
        if file not in folders:
            suffix = PurePosixPath(file).suffix or "no suffix"
            audit.append(_entry(number, file, "dropped", "not a picture", suffix))
            continue
        patients = find_patient(file) if find_patient else ()
        patient = patients[0] if len(patients) == 1 else ""
        if len(patients) > 1:
            detail = f"the table says {' and '.join(map(repr, patients))}; left empty"
            audit.append(_entry(number, file, "repaired", "patient conflict", detail))
        elif find_patient and not patient:
            audit.append(_entry(number, file, "repaired", "no patient id", "left empty"))
        fields = {"label": folders[file].label, "split": folders[file].part}
        records.append({"row": number, "image_path": file, "patient_id": patient, **fields})
    classes = sorted({str(record["label"]) for record in records} - {""}, key=natural_key)
    if len(classes) < 2:
        names = f"only {classes[0]!r}" if classes else "none"
        raise UserError(
            f"image-folder needs a folder of pictures ({', '.join(PICTURES)}) for each of at least two classes in "
            f"{tree.root}; found {names}"
        )
    return make_index(tree.root, *merged_ids(records, audit, options))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return the folders of pictures, or "" where there are not at least two classes."""
    pictures = [file for file in files if file.lower().endswith(PICTURES) and not _hidden(file)]
    try:
        folders = read_folders([file for file in pictures if "/" in file], folder)
    except UserError:
        return ""
    labels = sorted({folder.label for folder in folders.values()} - {""}, key=natural_key)
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"folders of pictures: {', '.join(labels[:_NAMED])}{more}" if len(labels) > 1 else ""


_NAMED = 5  # folders
_Patients = Callable[[str], tuple[str, ...]]
"""Maps a path to its patients: none when unknown, several where a table contradicts itself."""


def _patient_finder(tree: Tree, options: FolderOptions) -> tuple[_Patients | None, list[AuditEntry]]:
    """Return a function from paths to patient ids (None without a table and a pattern), and notes on the table."""
    if options.table and options.patient_pattern:
        raise UserError("image-folder takes the patient id from --table or --patient-pattern, not from both")
    if options.table:
        return _from_table(tree, options)
    if options.columns:
        raise UserError("--column names a table's columns: give image-folder the table of patients with --table FILE")
    return pattern_finder(options.patient_pattern) if options.patient_pattern else None, []


def pattern_finder(text: str) -> _Patients:
    """Return a function that finds patient ids in paths by a regular expression; `UserError` for an invalid one."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UserError(f"--patient-pattern {text!r} is not a regular expression: {error}") from None
    if not pattern.groups:
        raise UserError(
            f"--patient-pattern {text!r} has no group: put the patient id's part in parentheses, as in '(P\\d+)_'"
        )

    def find(file: str) -> tuple[str, ...]:
        match = pattern.search(file)
        return (match[1],) if match and match[1] else ()

    return find


def _from_table(tree: Tree, options: FolderOptions) -> tuple[_Patients, list[AuditEntry]]:
    table = read_table(tree.root / options.table, options.columns)
    require_columns(table, ("image_path", "patient_id"), options.columns)
    rows = [cells for _, cells in table.rows()]
    places = find_places(tree, [values.path(cells["image_path"]) for cells in rows])
    patients: dict[str, tuple[str, ...]] = {}
    for cells, place in zip(rows, places, strict=True):
        file, patient = place.path, values.patient(cells["patient_id"])
        if patient and patient not in patients.get(file, ()):
            patients[file] = (*patients.get(file, ()), patient)
    audit = note_encoding(table.sheet)
    # Row numbers count the files, not the rows of the table.
    audit += [_entry(0, place.path, "repaired", place.reason, place.detail) for place in places if place.reason]
    return lambda file: patients.get(file, ()), audit


def _hidden(file: str) -> bool:
    return any(part.startswith(".") for part in file.split("/"))


def _entry(row: int, path: str, action: Literal["dropped", "repaired"], reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=row, image_path=path, patient_id="", action=action, reason=reason, detail=detail)
