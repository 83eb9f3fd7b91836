"""Reads MammosighTR: a Turkish table with one row per patient, and four DICOM files in a folder named by her number.

Source of the layout: U. Koc et al., "MammosighTR: Nationwide Breast Cancer Screening Mammogram Dataset with BI-RADS
Annotations for Artificial Intelligence Applications", Radiology: Artificial Intelligence 7(6), 2025, and programs of
the TEKNOFEST competition that read its table.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, make_index
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, recognise_table

_COLUMNS = {
    "patient_id": ("HASTANO",),
    "density": ("MEME KOMPOZİSYONU",),
    "R": ("KADRAN BİLGİSİ (SAĞ)",),
    "L": ("KADRAN BİLGİSİ (SOL)",),
    "score": ("Birads Skoru (EK BİLGİ OLARAK VERİLMİŞTİR, YARIŞMADA İSTENMEYECEKTİR)", "Birads Skoru"),
}
_QUADRANTS = {
    "ÜST DIŞ": "upper outer",
    "ÜST İÇ": "upper inner",
    "ALT DIŞ": "lower outer",
    "ALT İÇ": "lower inner",
    "MERKEZ": "centre",
}
_PICTURES = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))


def load(context: DatasetContext) -> Index:
    """Read MammosighTR: up to four pictures of each of 12,740 patients. Rows count the pictures.

    The assessment is the patient's ("Kategori 4"), and all her pictures have it; `quadrants` are those of the picture's
    breast with findings. Raises `UserError` for a missing or unreadable root, and one without the
    table.
    """
    tree = list_tree(check_root("mammosightr", context))
    table = find_table(tree, "mammosightr", "", _COLUMNS)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for number, cells in table.rows():
        patient = values.patient(cells["patient_id"])
        if not patient:
            continue
        assessment = _category(cells["score"])
        pictures = {(side, view): tree.ending(f"{patient}/{side}{view}") for side, view in _PICTURES}
        if not assessment or not any(pictures.values()):
            reason = "no readable assessment" if not assessment else "no picture of this patient"
            audit.append(_entry(patient, reason, f"row {number} of the table: {values.text(cells['score'])!r}"))
            continue
        for (side, view), files in pictures.items():
            if files:
                row = len(records) + 1
                records.append(_record(row, files[0], patient, side, view, assessment, cells))
    return make_index(tree.root, records, audit, own=("quadrants",))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like MammosighTR, or "" where it does not."""
    if not any(file.rpartition("/")[2].startswith(("LCC.", "RCC.")) for file in files):
        return ""  # the table may have any name: without pictures, no table is opened
    return recognise_table(folder, files, "", _COLUMNS)


def _record(row: int, file: str, patient: str, side: str, view: str, assessment: str, cells: dict[str, Cell]) -> Record:
    return {
        "row": row,
        "image_path": file,
        "patient_id": patient,
        "exam_id": patient,  # the table has one row per patient
        "laterality": side,
        "view": view,
        "assessment": assessment,
        "density": values.density(cells["density"])[0],
        "quadrants": _quadrants(cells[side]),
    }


def _category(cell: Cell) -> str:
    match = re.fullmatch(r"(?:kategori\s*)?([0-6])(?:\.0)?", values.text(cell), re.IGNORECASE)
    return match[1] if match else ""


def _quadrants(cell: Cell) -> str:
    """Return "upper outer, centre" for "['ÜST DIŞ', 'MERKEZ']", "" for a blank cell or "[]"."""
    written = values.text(cell)
    return ", ".join(english for turkish, english in _QUADRANTS.items() if turkish in written)


def _entry(patient: str, reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=0, image_path="", patient_id=patient, action="dropped", reason=reason, detail=detail)
