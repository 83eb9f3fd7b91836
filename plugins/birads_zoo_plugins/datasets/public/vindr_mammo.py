"""Reads VinDr-Mammo: two tables of annotations, and images/STUDY/IMAGE.dicom.

Source of the layout: the data description of the release (PhysioNet, version 1.0.0), and H. T. Nguyen, H. Q. Nguyen,
H. H. Pham et al., "VinDr-Mammo: A large-scale benchmark dataset for computer-aided diagnosis in full-field digital
mammography", Scientific Data 10:277, 2023.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Lesion, Record, UserError, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.copies import find_copy
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, has_table, recognise_table
from birads_zoo_plugins.datasets.public._shared.sizes import misfit
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment

BREASTS, FINDINGS, HEADERS = "breast-level_annotations", "finding_annotations", "metadata"
COLUMNS = {
    name: (name,)
    for name in ("study_id", "image_id", "laterality", "view_position", "height", "width", "breast_birads", "split")
}
CORNERS = ("xmin", "ymin", "xmax", "ymax")

_SPLITS = {"training": "train", "test": "test"}
_NOTHING = "No Finding"

Row = dict[str, Cell]


def load(context: DatasetContext) -> Index:
    """Read VinDr-Mammo: 20,000 pictures of 5,000 exams; rows are numbered as in the table of breasts.

    `assessment` and `density` are of the breast. The exam's id is used for the patient, because no other id was
    published. `findings` are the marked findings, and `lesions` their boxes, cut at the picture's edges; boxes are left
    out where a picture does not have the published size. `split` is "train" or "test", and `age` comes from
    `metadata.csv`. Pictures may be in another folder, as STUDY/IMAGE, STUDY_IMAGE or IMAGE, with any picture's suffix.
    Raises `UserError` for a missing or unreadable root, and one without a valid table of breasts.
    """
    tree = list_tree(check_root("vindr-mammo", context))
    if not has_table(tree, BREASTS):
        raise UserError(
            f"no {BREASTS}.csv below {tree.root}: vindr-mammo needs it beside images/; download the release again"
        )
    findings, audit = _read_findings(tree)
    ages = _read_ages(tree)
    records: list[Record] = []
    table = find_table(tree, "vindr-mammo", BREASTS, COLUMNS, {"breast_density": ("breast_density",)})
    folder = table.path.parent.relative_to(tree.root)
    for number, cells in table.rows():
        image = values.text(cells["image_id"])
        record, entries = _read_row(tree, folder, number, cells, findings.get(image, []))
        records.append(record | {"age": values.age(ages.get(image))})
        audit += entries
    if not records:
        raise UserError(f"{table.path} has no row below its header; download the release again")
    return make_index(tree.root, records, audit, own=("findings", "finding_assessment"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like VinDr-Mammo, or "" where it does not."""
    return recognise_table(folder, files, BREASTS, COLUMNS)


def _read_findings(tree: Tree) -> tuple[dict[str, list[Row]], list[AuditEntry]]:
    """Return the rows of each picture's findings, and a note where their table is missing."""
    if not has_table(tree, FINDINGS):
        file, reason, detail = f"{FINDINGS}.csv", "no table of findings", "no lesions are known without it"
        return {}, [AuditEntry(row=0, image_path=file, patient_id="", action="repaired", reason=reason, detail=detail)]
    findings: dict[str, list[Row]] = defaultdict(list)
    columns = {name: (name,) for name in ("image_id", "finding_categories", "finding_birads", *CORNERS)}
    for _, cells in find_table(tree, "vindr-mammo", FINDINGS, columns).rows():
        findings[values.text(cells["image_id"])].append(cells)
    return findings, []


def _read_ages(tree: Tree) -> dict[str, Cell]:
    """Return each picture's age from the table of DICOM headers, if there is one and it has ages."""
    if not has_table(tree, HEADERS):
        return {}
    columns = {"image_id": ("SOP Instance UID",)}
    rows = find_table(tree, "vindr-mammo", HEADERS, columns, {"age": ("Patient's Age",)}).rows()
    return {values.text(cells["image_id"]): cells["age"] for _, cells in rows}


def _read_row(tree: Tree, folder: PurePath, number: int, cells: Row, marks: list[Row]) -> tuple[Any, list[AuditEntry]]:
    study, image = values.patient(cells["study_id"]), values.text(cells["image_id"])
    path = (folder / f"images/{study}/{image}.dicom").as_posix()
    place = find_copy(tree, path, (f"{study}/{image}", f"{study}_{image}", image))
    density, _ = values.density(cells["breast_density"])
    size = _number(cells["width"]), _number(cells["height"])
    lesions = tuple(box for row in marks if (box := _box(row, *size)))
    categories = {name: None for row in marks for name in _categories(row["finding_categories"])}
    record: dict[str, Any] = {
        "row": number,
        "image_path": place.path,
        "patient_id": study,
        "exam_id": study,
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view_position"]),
        "assessment": values.assessment(cells["breast_birads"]),
        "density": density,
        "split": _SPLITS.get(values.text(cells["split"]).lower(), ""),
        "findings": ", ".join(categories),
        "finding_assessment": highest_assessment(values.assessment(row["finding_birads"]) for row in marks),
    }
    entries = [repaired(record, place.reason, place.detail)] if place.reason else []
    if not record["assessment"]:
        detail = f"{values.text(cells['breast_birads'])!r}; left empty"
        entries.append(repaired(record, "unreadable assessment", detail))
    published, count = (int(size[0]), int(size[1])), f"{len(lesions)} marks"
    reason, detail = misfit(tree.root / place.path, [published], count) if lesions else ("", "")
    if reason:
        entries.append(repaired(record, reason, detail))
        lesions = ()
    return record | {"lesions": lesions}, entries


def _categories(cell: Cell) -> list[str]:
    """Return the categories of a cell with a list as in Python: "['Mass', 'Skin Retraction']"."""
    return [name for name in re.findall(r"['\"]([^'\"]+)['\"]", values.text(cell)) if name != _NOTHING]


def _box(cells: Row, width: float, height: float) -> Lesion | None:
    """Return a finding's box, cut at the picture's edges; None for a row without one."""
    x0, y0, x1, y1 = (_number(cells[name]) for name in CORNERS)
    x0, x1 = max(x0, 0.0), min(x1, width)
    y0, y1 = max(y0, 0.0), min(y1, height)
    return Lesion(x0=x0, y0=y0, x1=x1, y1=y1, outline="box") if x0 < x1 and y0 < y1 else None


def _number(cell: Cell) -> float:
    """Return a cell's number, or 0 for none."""
    match = re.fullmatch(r"-?\d{1,9}(?:\.\d+)?", values.text(cell))
    return float(match[0]) if match else 0.0
