"""Reads Mammo-MX: DICOM files without a suffix, with all labels in names and folders: B4/000077_R_MLO_B4_D2.

Source of the layout: the release's page, https://zenodo.org/records/17740027.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, natural_key
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading.tree import check_root, list_tree

_NAME = re.compile(
    r"(?P<patient>\d{6})_(?P<side>[LR])_(?P<view>[A-Z]{2,5})_B(?P<category>[0-6])(?P<part>[ABC]?)_D(?P<density>[1-4A-D])"
    r"(?:_\d+)?(?:\.(?:dcm|dicom|png|jpe?g|tiff?))?",
    re.IGNORECASE,
)
_FOLDER = re.compile(r"(?:^|/)B([0-6])(?=[_. /-])", re.IGNORECASE)
_DENSITIES = {**dict(zip("1234", "ABCD", strict=True)), **{letter: letter for letter in "ABCD"}}


def load(context: DatasetContext) -> Index:
    """Read Mammo-MX from its unpacked archives: 13,659 pictures of 3,368 patients. Rows count the files.

    Where name and folder have different categories the assessment is left empty. The names do not include the exam.
    Raises `UserError` for a missing or unreadable root, and one without such files.
    """
    tree = list_tree(check_root("mammo-mx", context))
    files = sorted((file for file in tree.files if not _is_ignored(file)), key=natural_key)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for row, file in enumerate(files, start=1):
        match = _NAME.fullmatch(file.rpartition("/")[2])
        if not match:
            reason = "unreadable name"
            audit.append(AuditEntry(row=row, image_path=file, patient_id="", action="dropped", reason=reason))
            continue
        folder = _FOLDER.search(file)
        agree = folder is None or folder[1] == match["category"]
        record = {
            "row": row,
            "image_path": file,
            "patient_id": match["patient"],
            "laterality": match["side"].upper(),
            "view": match["view"].upper(),
            "assessment": match["category"] if agree else "",
            "density": _DENSITIES[match["density"].upper()],
            "subcategory": f"4{match['part'].upper()}" if match["part"] and match["category"] == "4" else "",
        }
        records.append(record)
        if folder and not agree:
            detail = f"the name says {match['category']}, the folder {folder[1]}; left empty"
            audit.append(repaired(record, "category conflict", detail))
    if not records:
        raise UserError(
            f"no file below {tree.root} is named like 000077_R_MLO_B1_D2: mammo-mx needs the folders B0 to B6 of its "
            "archives, unpacked"
        )
    return make_index(tree.root, records, audit, own=("subcategory",))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like Mammo-MX, or "" where it does not."""
    for file in files:
        if not _is_ignored(file) and _NAME.fullmatch(file.rpartition("/")[2]):
            return f"files named like {file.rpartition('/')[2]}"
    return ""


def _is_ignored(file: str) -> bool:
    """Return whether a file is no picture: hidden, a document or an archive."""
    hidden = any(part.startswith(".") for part in file.split("/"))
    return hidden or file.lower().endswith((".zip", ".txt", ".md", ".csv", ".xlsx", ".pdf", ".json"))
