"""Reads NL-Breast-Screening: a table of pictures, and DICOM files in folders EXAM/SIDE/VIEW.

Source of the layout: E. Kendall et al., "Full Field Digital Mammography Dataset from a Population Screening Program",
Scientific Data 12:1479, 2025, and public programs that read the release.
"""

from collections.abc import Sequence
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.paths import find_places
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import dropped
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, recognise_table

_TABLE = "NLBSP-metadata"
_COLUMNS = {
    "image_path": ("File Path",),
    "laterality": ("Image Laterality",),
    "view": ("View Position",),
    "cancer": ("Cancer",),
    "false_positive": ("False Positive",),
}
_YES = {"1": True, "1.0": True, "true": True, "yes": True, "y": True}
_NO = {"0": False, "0.0": False, "false": False, "no": False, "n": False}


def load(context: DatasetContext) -> Index:
    """Read NL-Breast-Screening: 26,988 pictures of 5,997 exams, without BI-RADS categories.

    `label` is "normal" (read as normal), "false positive" (recalled, and no cancer) or "cancer" (by biopsy). The folder
    of the exam is used as the patient, because there is no other id.
    Raises `UserError` for a missing or unreadable root, and one without the table.
    """
    tree = list_tree(check_root("nl-breast-screening", context))
    table = find_table(tree, "nl-breast-screening", _TABLE, _COLUMNS, {"age": ("Age",)})
    rows = list(table.rows())
    places = find_places(tree, [_written(tree, values.path(cells["image_path"])) for _, cells in rows])
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for (number, cells), place in zip(rows, places, strict=True):
        record = _read_row(number, cells, place.path)
        if not record["label"]:
            detail = f"Cancer {values.text(cells['cancer'])!r}, False Positive {values.text(cells['false_positive'])!r}"
            audit.append(dropped(record, "no readable label", detail))
            continue
        records.append(record)
        if place.reason:
            audit.append(repaired(record, place.reason, place.detail))
        if not record["patient_id"]:
            audit.append(repaired(record, "no patient id", "no folder above side and view in its path; left empty"))
    return make_index(tree.root, records, audit)


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like NL-Breast-Screening, or "" where it does not."""
    return recognise_table(folder, files, _TABLE, _COLUMNS)


def _written(tree: Tree, path: str) -> str:
    """Return a path of the table from the root: it may start in the folder of the pictures."""
    inside = f"images/{path}"
    return inside if not tree.find(path) and tree.find(inside) else path


def _read_row(number: int, cells: dict[str, Cell], path: str) -> Record:
    folders = values.path(cells["image_path"]).split("/")[:-1]
    exam = folders[-3] if len(folders) > 2 else ""  # group/exam/side/view/file
    return {
        "row": number,
        "image_path": path,
        "patient_id": exam,
        "exam_id": exam,
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view"]),
        "label": _label(_yes(cells["cancer"]), _yes(cells["false_positive"])),
        "age": values.age(cells["age"]),
    }


def _label(cancer: bool | None, false_positive: bool | None) -> str:
    if cancer is None or (cancer and false_positive):
        return ""
    if cancer:
        return "cancer"
    return {True: "false positive", False: "normal", None: ""}[false_positive]


def _yes(cell: Cell) -> bool | None:
    return (_YES | _NO).get(values.text(cell).lower())
