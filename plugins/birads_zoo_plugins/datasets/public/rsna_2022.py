"""Reads RSNA Screening Mammography Breast Cancer Detection (2022): train.csv and train_images/PATIENT/IMAGE.dcm.

Source of the layout: the data description of the challenge (Radiological Society of North America, "RSNA Screening
Mammography Breast Cancer Detection AI Challenge", 2022).
"""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.copies import find_copy
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, has_table, recognise_table

TABLE = "train"
COLUMNS = {name: (name,) for name in ("patient_id", "image_id", "laterality", "view", "cancer")}
OWN = ("machine", "implant", "biopsy", "invasive", "difficult_negative_case")
MORE = {
    **{name: (name,) for name in ("age", "density", *OWN[1:])},
    "assessment": ("BIRADS",),
    "source": ("site_id",),
    "machine": ("machine_id",),
}

_LABELS = {"0": "no cancer", "1": "cancer"}
_FLAGS = {"0": "no", "1": "yes", "FALSE": "no", "TRUE": "yes"}


def load(context: DatasetContext) -> Index:
    """Read the training set: 54,706 pictures of 11,913 patients; rows are numbered as in `train.csv`.

    `label` ("cancer" or "no cancer") and `assessment` are of the breast. The assessment is 0 for a breast that was
    called back, 1 or 2 for one that was not, and empty where the hospital gave none. A patient has one exam. Pictures
    may be in another folder, as PATIENT/IMAGE or PATIENT_IMAGE, with any picture's suffix. Raises `UserError` for a
    missing or unreadable root, and one without a valid `train.csv`.
    """
    tree = list_tree(check_root("rsna-2022", context))
    if not has_table(tree, TABLE):
        raise UserError(
            f"no {TABLE}.csv below {tree.root}: rsna-2022 needs it beside train_images/; unpack the archive"
        )
    records: list[Record] = []
    audit: list[AuditEntry] = []
    table = find_table(tree, "rsna-2022", TABLE, COLUMNS, MORE)
    audit += table.notes
    folder = table.path.parent.relative_to(tree.root)
    for number, cells in table.rows():
        record, entries = _read_row(tree, folder, number, cells)
        records.append(record)
        audit += entries
    if not records:
        raise UserError(f"{table.path} has no row below its header; unpack the archive again")
    return make_index(tree.root, records, audit, own=OWN)


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like the challenge's training set, or "" where it does not."""
    reason = recognise_table(folder, files, TABLE, {**COLUMNS, "difficult": ("difficult_negative_case",)})
    return f"{reason} of the RSNA challenge of 2022" if reason else ""


def _read_row(tree: Tree, folder: PurePath, number: int, cells: dict[str, Cell]) -> tuple[Record, list[AuditEntry]]:
    patient, image = values.patient(cells["patient_id"]), values.text(cells["image_id"])
    published = (folder / f"train_images/{patient}/{image}.dcm").as_posix()
    place = find_copy(tree, published, (f"{patient}/{image}", f"{patient}_{image}"))
    density, _ = values.density(cells["density"])
    record: dict[str, Any] = {
        "row": number,
        "image_path": place.path,
        "patient_id": patient,
        "exam_id": patient,
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view"]),
        "assessment": values.assessment(cells["assessment"]),
        "label": _LABELS.get(values.text(cells["cancer"]), ""),
        "density": density,
        "age": values.age(cells["age"]),
        "source": values.text(cells["source"]),
        "machine": values.text(cells["machine"]),
        **{name: _flag(cells[name]) for name in OWN[1:]},
    }
    entries = [repaired(record, place.reason, place.detail)] if place.reason else []
    if not record["label"]:
        detail = f"cancer {values.text(cells['cancer'])!r}, neither 0 nor 1; left empty"
        entries.append(repaired(record, "unreadable label", detail))
    return record, entries


def _flag(cell: Cell) -> str:
    """Return "yes", "no", or "" for any other cell."""
    return _FLAGS.get(values.text(cell).upper(), "")
