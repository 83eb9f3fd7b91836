"""DDSM in small pictures: `labels.csv` with a row a picture, as made of the overlays."""

from typing import Any

from birads_zoo import AuditEntry, Index, Record, make_index
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._paths import find_places
from birads_zoo_plugins.datasets._tables import Cell
from birads_zoo_plugins.datasets._tree import Tree
from birads_zoo_plugins.datasets.public._ddsm_labels import CASES, FINDINGS, MARKS, OWN
from birads_zoo_plugins.datasets.public._rows import read_rows

TABLE = "labels.csv"
NEEDED = ("image_path", "case", "folder", "laterality", "view", "marked", "assessment", "pathology")


def load(tree: Tree, file: str) -> Index:
    """Read the table `file`; paths count from its folder, and the rows from its header, which is 1."""
    folder = file.rpartition("/")[0]
    rows = read_rows(tree.root / file, NEEDED).rows
    places = find_places(tree, [f"{folder}/{values.path(cells['image path'])}".lstrip("/") for _, cells in rows])
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for (number, cells), place in zip(rows, places, strict=True):
        record = _read_row(number, cells, place.path)
        records.append(record)
        if place.reason:
            audit.append(repaired(record, place.reason, place.detail))
    return make_index(tree.root, records, audit, own=OWN)


def _read_row(number: int, cells: dict[str, Cell], path: str) -> dict[str, Any]:
    patient = values.patient(cells["case"])  # the letter and the number: a number alone is several women's
    case = CASES.get(values.text(cells["folder"]).lower(), "")
    marked = MARKS.get(values.text(cells["marked"]), "") if case != "normal" else ""
    finding = FINDINGS.get(values.text(cells["pathology"]).upper(), "")
    return {
        "row": number,
        "image_path": path,
        "patient_id": patient,
        "exam_id": patient,
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view"]),
        "assessment": values.assessment(cells["assessment"]),
        "label": "normal" if case == "normal" else finding,
        "case": case,
        "marked": marked,
        "scanner": values.text(cells.get("scanner")),
        "lesion_types": ", ".join(values.text(cells.get("lesion types")).lower().split()),
        "subtlety": values.text(cells.get("subtlety")),
    }
