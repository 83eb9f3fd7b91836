"""Reads CMMD: a table with one row per breast, and DICOM files with the breast in their headers.

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
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import PICTURES, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import conflicting
from birads_zoo_plugins.datasets.public._shared.named_tables import NamedTable, find_table, recognise_table

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
_LABELS = ("malignant", "benign")  # in order of precedence

_Breasts = dict[tuple[str, str], list[dict[str, Cell]]]


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """The facts in a picture's header or path; `reason` and `detail` are set where it cannot be used."""

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
    `subtype` the tumour's, where known. A picture of a breast that is not in the table is dropped, because the breast
    may not be healthy.
    Raises `UserError` for a missing or unreadable root, and one without the table or without pictures.
    """
    tree = list_tree(check_root("cmmd", context))
    table = find_table(tree, "cmmd", _TABLE, _COLUMNS, {"subtype": ("subtype",)})
    breasts = _read_breasts(table)
    files = sorted((file for file in tree.files if file.lower().endswith(PICTURES)), key=natural_key)
    if not files:
        raise UserError(f"no pictures ({', '.join(PICTURES)}) below {tree.root}: cmmd needs them beside its table")
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        pictures = list(threads.map(lambda file: _read_picture(tree.root, file), files))
    listed = {patient for patient, _ in breasts}  # ids of other patients are not written anywhere
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for row, picture in enumerate(pictures, start=1):
        rows = breasts.get((picture.patient, picture.side), [])
        reason, detail = _unusable(picture, rows)
        if reason:
            patient = picture.patient if picture.patient in listed else ""
            audit.append(_entry(row, picture.file, patient, reason, detail))
            continue
        record, entries = _record(row, picture, rows)
        records.append(record)
        audit += entries
    shown = {(picture.patient, picture.side) for picture in pictures}
    audit += [_entry(0, "", patient, "no picture of this breast", side) for patient, side in breasts.keys() - shown]
    return make_index(tree.root, records, sorted(audit, key=_order), own=("abnormality", "subtype"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like CMMD, or "" where it does not."""
    return recognise_table(folder, files, _TABLE, _COLUMNS)


def _read_breasts(table: NamedTable) -> _Breasts:
    breasts: _Breasts = defaultdict(list)
    for _, cells in table.rows():
        if patient := values.patient(cells["patient_id"]):
            breasts[patient, values.laterality(cells["laterality"])].append(cells)
    return dict(breasts)


def _read_picture(root: Path, file: str) -> _Picture:
    match = _PATIENT.search(file)
    patient = match[0].upper() if match else ""
    if not is_dicom(root / file):
        name = _NAMED.search(file.rpartition("/")[2])
        if name:
            return _Picture(file=file, patient=patient, side=name["side"].upper(), view=name["view"].upper())
        return _Picture(file=file, patient=patient)
    try:
        facts = read_facts(root / file)
    except ImageError as error:
        return _Picture(file=file, patient=patient, reason=error.reason, detail=error.detail)
    return _Picture(
        file=file,
        patient=patient or facts.identity.patient,
        side=facts.laterality,
        view=facts.view,
        year=values.date(facts.year),
    )


def _unusable(picture: _Picture, rows: Sequence[dict[str, Cell]]) -> tuple[str, str]:
    """Return a reason and a detail why a picture cannot be used; both are empty where it can."""
    if picture.reason:
        return picture.reason, picture.detail
    if not picture.patient:
        return "unknown patient", "neither a DICOM header nor its path has an id like D1-0001"
    if not picture.side:
        return "unknown side", "neither a DICOM header nor a name like D1-0001_L_CC has the side"
    if not rows:
        return "breast not listed", f"the table has no row for breast {picture.side}"
    if not _labels(rows):
        return "no readable label", f"{values.text(rows[0]['label'])!r}"
    return "", ""


def _record(row: int, picture: _Picture, rows: Sequence[dict[str, Cell]]) -> tuple[Record, list[AuditEntry]]:
    labels = _labels(rows)
    record = {
        "row": row,
        "image_path": picture.file,
        "patient_id": picture.patient,
        "exam_id": picture.patient,  # each patient had one exam
        "laterality": picture.side,
        "view": picture.view,
        "label": labels[0],
        "age": values.age(rows[0]["age"]),
        "study_date": picture.year,
        "abnormality": values.text(rows[0]["abnormality"]).lower(),
        "subtype": values.text(rows[0]["subtype"]),
    }
    return record, conflicting(record, labels)


def _labels(rows: Sequence[dict[str, Cell]]) -> list[str]:
    written = {values.text(cells["label"]).lower() for cells in rows}
    return [label for label in _LABELS if label in written]


def _entry(row: int, file: str, patient: str, reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=row, image_path=file, patient_id=patient, action="dropped", reason=reason, detail=detail)


def _order(entry: AuditEntry) -> tuple[int, str, str]:
    return entry.row, entry.patient_id, entry.detail
