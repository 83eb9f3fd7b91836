"""CMMD: a table with a row a breast, and DICOM files whose headers say which breast they show.

Source of the layout: C. Cui et al., "The Chinese Mammography Database (CMMD)", The Cancer Imaging Archive, 2021.
"""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, natural_key
from birads_zoo.dicom import ImageError, is_dicom, read_facts
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._tables import Cell
from birads_zoo_plugins.datasets._tree import PICTURES, check_root, list_tree
from birads_zoo_plugins.datasets.public._entries import conflicting
from birads_zoo_plugins.datasets.public._named_tables import NamedTable, find_table, recognise_table

_TABLE = "CMMD_clinicaldata_revision"
_COLUMNS = {
    "patient_id": ("ID1",),
    "laterality": ("LeftRight",),
    "age": ("Age",),
    "abnormality": ("abnormality",),
    "label": ("classification",),
}
_PATIENT = re.compile(r"(?<![A-Z\d])D[12]-\d{4}(?!\d)", re.IGNORECASE)
_NAMED = re.compile(r"(?:^|[_/ -])(?P<side>[LR])[_ -](?P<view>CC|MLO)(?=[_. -])", re.IGNORECASE)
_LABELS = ("malignant", "benign")  # the first goes before the second

_Breasts = dict[tuple[str, str], list[dict[str, Cell]]]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a picture, or its path, says; `reason` and `detail` say why it cannot be used."""

    file: str
    patient: str = ""
    side: str = ""
    view: str = ""
    year: str = ""
    reason: str = ""
    detail: str = ""


def load(context: DatasetContext) -> Index:
    """Read CMMD from its unpacked folder: about 5200 pictures of 1775 patients. Rows count the files.

    `label` is "benign" or "malignant" by biopsy, of the breast; `abnormality` "mass", "calcification" or "both", and
    `subtype` the tumour's, where known. A picture whose breast the table does not list is dropped: nobody says that it
    is healthy. Raises `UserError` for a missing or unreadable root, and one without the table or without pictures.
    """
    tree = list_tree(check_root("cmmd", context))
    table = find_table(tree, "cmmd", _TABLE, _COLUMNS, {"subtype": ("subtype",)})
    breasts = _read_breasts(table)
    files = sorted((file for file in tree.files if file.lower().endswith(PICTURES)), key=natural_key)
    if not files:
        raise UserError(f"no pictures ({', '.join(PICTURES)}) below {tree.root}: cmmd needs them beside its table")
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        seen = list(threads.map(lambda file: _look(tree.root, file), files))
    listed = {patient for patient, _ in breasts}  # of others no id is written anywhere
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for row, one in enumerate(seen, start=1):
        found = breasts.get((one.patient, one.side), [])
        reason, detail = _unusable(one, found)
        if reason:
            audit.append(_entry(row, one.file, one.patient if one.patient in listed else "", reason, detail))
            continue
        record, entries = _record(row, one, found)
        records.append(record)
        audit += entries
    shown = {(one.patient, one.side) for one in seen}
    audit += [_entry(0, "", patient, "no picture of this breast", side) for patient, side in breasts.keys() - shown]
    return make_index(tree.root, records, sorted(audit, key=_order), own=("abnormality", "subtype"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like CMMD, "" where it does not."""
    return recognise_table(folder, files, _TABLE, _COLUMNS)


def _read_breasts(table: NamedTable) -> _Breasts:
    breasts: _Breasts = defaultdict(list)
    for _, cells in table.rows():
        if patient := values.patient(cells["patient_id"]):
            breasts[patient, values.laterality(cells["laterality"])].append(cells)
    return dict(breasts)


def _look(root: Path, file: str) -> _Seen:
    named = _PATIENT.search(file)
    patient = named[0].upper() if named else ""
    if not is_dicom(root / file):
        told = _NAMED.search(file.rpartition("/")[2])
        if told:
            return _Seen(file=file, patient=patient, side=told["side"].upper(), view=told["view"].upper())
        return _Seen(file=file, patient=patient)
    try:
        facts = read_facts(root / file)
    except ImageError as error:
        return _Seen(file=file, patient=patient, reason=error.reason, detail=error.detail)
    return _Seen(
        file=file,
        patient=patient or facts.identity.patient,
        side=facts.laterality,
        view=facts.view,
        year=values.date(facts.year),
    )


def _unusable(one: _Seen, found: Sequence[dict[str, Cell]]) -> tuple[str, str]:
    """Return why a picture is no sample, and what was read there; two empty texts where it is one."""
    if one.reason:
        return one.reason, one.detail
    if not one.patient:
        return "unknown patient", "neither a DICOM header nor its path has an id like D1-0001"
    if not one.side:
        return "unknown side", "neither a DICOM header nor a name like D1-0001_L_CC says which breast it shows"
    if not found:
        return "breast not listed", f"the table has no row for breast {one.side}"
    if not _labels(found):
        return "no readable label", f"{values.text(found[0]['label'])!r}"
    return "", ""


def _record(row: int, one: _Seen, found: Sequence[dict[str, Cell]]) -> tuple[Record, list[AuditEntry]]:
    labels = _labels(found)
    record = {
        "row": row,
        "image_path": one.file,
        "patient_id": one.patient,
        "exam_id": one.patient,  # each patient was examined once
        "laterality": one.side,
        "view": one.view,
        "label": labels[0],
        "age": values.age(found[0]["age"]),
        "study_date": one.year,
        "abnormality": values.text(found[0]["abnormality"]).lower(),
        "subtype": values.text(found[0]["subtype"]),
    }
    return record, conflicting(record, labels)


def _labels(found: Sequence[dict[str, Cell]]) -> list[str]:
    said = {values.text(cells["label"]).lower() for cells in found}
    return [label for label in _LABELS if label in said]


def _entry(row: int, file: str, patient: str, reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=row, image_path=file, patient_id=patient, action="dropped", reason=reason, detail=detail)


def _order(entry: AuditEntry) -> tuple[int, str, str]:
    return entry.row, entry.patient_id, entry.detail
