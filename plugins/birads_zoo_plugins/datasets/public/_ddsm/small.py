"""Reads DDSM as small pictures: `labels.csv` with one row per picture, made from the overlays."""

from typing import Any

from birads_zoo import AuditEntry, Index, Record, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.paths import find_places
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree
from birads_zoo_plugins.datasets.public._ddsm.labels import CASES, FINDINGS, MARKS, OWN
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table

TABLE = "labels"
COLUMNS = {
    name: (name,)
    for name in ("image_path", "case", "folder", "laterality", "view", "marked", "assessment", "pathology")
}
MORE = {name: (name,) for name in ("scanner", "lesion_types", "subtlety")}


def load(tree: Tree) -> Index:
    """Read the table of labels; paths start at its folder, and its header is row 1."""
    table = find_table(tree, "ddsm", TABLE, COLUMNS, MORE)
    folder = table.path.parent.relative_to(tree.root)
    rows = list(table.rows())
    places = find_places(tree, [(folder / values.path(cells["image_path"])).as_posix() for _, cells in rows])
    records: list[Record] = []
    audit: list[AuditEntry] = [*table.notes]
    for (number, cells), place in zip(rows, places, strict=True):
        record = _read_row(number, cells, place.path)
        records.append(record)
        if place.reason:
            audit.append(repaired(record, place.reason, place.detail))
    return make_index(tree.root, records, audit, own=OWN)


def _read_row(number: int, cells: dict[str, Cell], path: str) -> dict[str, Any]:
    patient = values.patient(cells["case"])  # the letter and the number, because several women share a number
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
        "source": values.text(cells["scanner"]),
        "lesion_types": ", ".join(values.text(cells["lesion_types"]).lower().split()),
        "subtlety": values.text(cells["subtlety"]),
    }
