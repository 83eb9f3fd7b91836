"""Reads EMBED: a table of findings, a table of pictures, and folders cohort_1 and cohort_2.

Source of the layout: the README of the release (Emory-HITI/EMBED_Open_Data); J. J. Jeong et al., "The EMory BrEast
imaging Dataset (EMBED)", Radiology: Artificial Intelligence 5(1), 2023.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Lesion, Record, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import dropped, merged_assessments
from birads_zoo_plugins.datasets.public._shared.named_tables import NamedTable, find_table, recognise_table
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment

_CLINICAL = "EMBED_OpenData_clinical"
_METADATA = "EMBED_OpenData_metadata"
_FINDING = {
    "exam": ("acc_anon",),
    "side": ("side",),
    "assessment": ("asses",),
    "density": ("tissueden",),
}
_FINDING_MORE = {"age": ("age_at_study", "age_at_study_anon"), "severity": ("path_severity",)}
_PICTURE = {
    "image_path": ("anon_dicom_path",),
    "patient_id": ("empi_anon",),
    "exam": ("acc_anon",),
    "laterality": ("ImageLateralityFinal",),
    "view": ("ViewPosition",),
    "kind": ("FinalImageType",),
}
_PICTURE_MORE = {"study_date": ("study_date_anon",), "special": ("spot_mag",), "lesions": ("ROI_coords",)}
_LETTERS = dict(zip("ANBPSMK", "0123456", strict=True))
_SEVERITY = ("invasive cancer", "non-invasive cancer", "high-risk", "borderline", "benign", "negative", "other cancer")
"""The worst pathology of a finding, by the table's numbers from 0 to 6."""
_FROM_COHORT = re.compile(r"(?:^|/)(?=cohort_\d+/)")
_SUFFIX = re.compile(r"\.(?:dcm|png|jpe?g|tiff?)$", re.IGNORECASE)
_REGION = re.compile(r"\(([^()]*)\)")
_KINDS = {"2d": "2D", "c-view": "C-view", "cview": "C-view"}

_Findings = dict[str, list[tuple[str, dict[str, str]]]]
"""By exam: each finding's side ("" for both) and its cells in the table."""


def load(context: DatasetContext) -> Index:
    """Read EMBED, or the part of it below the root: 480,000 pictures of 22,000 patients in all.

    The findings of an exam count for the pictures of their side; findings of both sides or of no side count for all. A
    breast gets the most suspicious finding. `image_kind` is "2D" or "C-view", which is computed from a tomosynthesis
    (see `options.images`), and `pathology` is the worst result of a biopsy or an operation. A spot compression or a
    magnification has no `view`. Pictures that are not below the root are left out, with one entry that counts them,
    unless all are missing.
    Raises `UserError` for a missing or unreadable root, and one without one of the tables.
    """
    tree = list_tree(check_root("embed", context))
    findings = _read_findings(find_table(tree, "embed", _CLINICAL, _FINDING, _FINDING_MORE))
    table = find_table(tree, "embed", _METADATA, _PICTURE, _PICTURE_MORE)
    present = _pictures(tree)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    absent = 0
    for number, cells in table.rows():
        path = _below_cohort(values.path(cells["image_path"]))
        if present and _stem(path) not in present:
            absent += 1
            continue
        breast = _findings_of_breast(cells, findings)
        record, entries = _read_picture(number, cells, breast)
        record["image_path"] = present.get(_stem(path), f"images/{path}")
        reason, detail = _unusable(record, breast, context.options.images)
        if reason:
            audit.append(dropped(record, reason, detail))
        else:
            records.append(record)
            audit += [replace(entry, image_path=record["image_path"]) for entry in entries]
    return make_index(tree.root, records, audit + _counted(absent), own=("image_kind", "pathology"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like EMBED, or "" where it does not."""
    clinical = recognise_table(folder, files, _CLINICAL, _FINDING)
    return clinical and recognise_table(folder, files, _METADATA, _PICTURE) and f"{clinical}, and {_METADATA} beside it"


def _read_findings(table: NamedTable) -> _Findings:
    findings: _Findings = defaultdict(list)
    for _, cells in table.rows():
        finding = {name: _id(cells[name]) for name in ("assessment", "density", "age", "severity")}
        findings[_id(cells["exam"])].append((values.laterality(cells["side"]), finding))
    return findings


def _pictures(tree: Tree) -> dict[str, str]:
    """Return the pictures by their paths below the cohorts' folders, without suffix."""
    return {_stem(_below_cohort(file)): file for file in reversed(tree.files) if _FROM_COHORT.search(file)}


def _below_cohort(path: str) -> str:
    """Return a path from its cohort's folder on, without the folders of the machine that wrote the table."""
    start = _FROM_COHORT.search(path)
    return path[start.end() :] if start else path


def _stem(path: str) -> str:
    """Return a path without a picture's suffix; the names are DICOM's unique ids, which have dots."""
    return _SUFFIX.sub("", path)


def _id(cell: Cell) -> str:
    """Return an id in the form of both tables: one of them may have it as a number such as 12.0."""
    return values.text(cell).removesuffix(".0")


def _findings_of_breast(cells: dict[str, Cell], findings: _Findings) -> list[dict[str, str]]:
    """Return the findings of a picture's breast."""
    side = values.laterality(cells["laterality"])
    listed = findings.get(_id(cells["exam"]), [])
    return [finding for of_side, finding in listed if not of_side or not side or of_side == side]


def _read_picture(
    number: int, cells: dict[str, Cell], breast: Sequence[dict[str, str]]
) -> tuple[dict[str, Any], list[AuditEntry]]:
    assessments = [_LETTERS.get(finding["assessment"].upper(), "") for finding in breast]
    patient, date = _id(cells["patient_id"]), values.date(cells["study_date"])
    special = _id(cells["special"]) == "1"
    kind = values.text(cells["kind"])
    lesions, unread = _lesions(values.text(cells["lesions"]))
    record: dict[str, Any] = {
        "row": number,
        "image_path": "",
        "patient_id": patient,
        "exam_id": values.exam(patient, _id(cells["exam"]), date),
        "laterality": values.laterality(cells["laterality"]),
        "view": "" if special else values.view(cells["view"]),
        "assessment": highest_assessment(assessments),
        "density": next((density for finding in breast if (density := values.density(finding["density"])[0])), ""),
        "age": next((values.age(finding["age"]) for finding in breast), math.nan),
        "study_date": date,
        "lesions": lesions,
        "image_kind": _KINDS.get(kind.lower(), kind),
        "pathology": _worst([finding["severity"] for finding in breast]),
    }
    entries = merged_assessments(record, assessments)
    if special:
        entries.append(repaired(record, "special view", "spot compression or magnification; its view is left empty"))
    if unread:
        entries.append(repaired(record, "unreadable region", f"{unread}; left out"))
    return record, entries


def _unusable(record: Record, breast: Sequence[dict[str, str]], images: str) -> tuple[str, str]:
    """Return a reason and a detail why a picture is left out; both are empty where it is used."""
    if images not in ("both", record["image_kind"]):
        return "another kind of image", record["image_kind"]
    if not breast:
        return "breast without a finding row", f"exam {record['exam_id']}, side {record['laterality'] or 'unknown'}"
    if not record["assessment"]:
        return "no readable assessment", f"{breast[0]['assessment']!r}"
    return "", ""


def _worst(severities: Sequence[str]) -> str:
    known = [severity for severity in severities if severity in ("0", "1", "2", "3", "4", "5", "6")]
    return _SEVERITY[int(min(known))] if known else ""


def _lesions(written: str) -> tuple[tuple[Lesion, ...], str]:
    """Return the regions of "((ymin, xmin, ymax, xmax), ...)", drawn as circles, and the unreadable text."""
    lesions: list[Lesion] = []
    unread = [rest] if (rest := _REGION.sub("", written).strip("(), ")) else []
    for region in filter(str.strip, _REGION.findall(written)):
        try:
            top, left, bottom, right = numbers = [float(number) for number in region.strip(", ").split(",")]
        except ValueError:
            unread.append(f"({region})")
            continue
        if all(map(math.isfinite, numbers)):
            lesions.append(Lesion(x0=left, y0=top, x1=right, y1=bottom))
        else:
            unread.append(f"({region})")
    return tuple(lesions), ", ".join(unread)


def _counted(absent: int) -> list[AuditEntry]:
    if not absent:
        return []
    detail = f"{absent} pictures of the table are not below the root"
    return [AuditEntry(row=0, image_path="", patient_id="", action="dropped", reason="not in this part", detail=detail)]
