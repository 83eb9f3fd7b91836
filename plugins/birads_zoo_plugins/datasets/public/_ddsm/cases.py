"""Reads DDSM as published: one folder per case, with its `.ics`, `.OVERLAY` and pictures converted from LJPEG."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from birads_zoo import AuditEntry, Index, Record, UserError, make_index, natural_key
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tree import Tree
from birads_zoo_plugins.datasets.public._ddsm.files import Abnormality, Case, View, read_case, read_overlay
from birads_zoo_plugins.datasets.public._ddsm.labels import FINDINGS, OWN
from birads_zoo_plugins.datasets.public._shared.entries import merged_abnormalities
from birads_zoo_plugins.datasets.public._shared.sizes import misfit
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment, worst_finding

CASE = re.compile(r"(?P<letter>[A-D])[-_](?P<number>\d+)[-_](?P<version>\d+)\.ics", re.IGNORECASE)
"""The name of a case's file, such as "B-3024-1.ics"."""
_ENDINGS = ("", ".LJPEG.png", ".LJPEG.1.png")  # after conversion of NAME.LJPEG; the suffix may differ
_FOLDERS = ("", "PNGFiles/")


def case_files(tree: Tree) -> list[str]:
    """Return the `.ics` files of cases."""
    return sorted((file for file in tree.files if CASE.fullmatch(PurePosixPath(file).name)), key=natural_key)


def load(tree: Tree, files: Sequence[str]) -> Index:
    """Read the cases of these `.ics` files; rows count their pictures.

    Raises `UserError` where the pictures are only there as LJPEG, and for an unreadable file.
    """
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for file in files:
        for record, entries in _read_case(tree, file, start=len(records) + 1):
            records.append(record)
            audit += entries
    readable = any((tree.root / str(record["image_path"])).is_file() for record in records)
    compressed = next((file for file in tree.files if file.lower().endswith(".ljpeg")), "")
    if compressed and not readable:
        raise UserError(
            f"{tree.root / compressed} is LJPEG, as are all pictures below {tree.root}: convert them to PNG or TIFF "
            "in the same folders, without resizing"
        )
    return make_index(tree.root, records, audit, own=OWN)


def _read_case(tree: Tree, file: str, start: int) -> list[tuple[Record, list[AuditEntry]]]:
    case = read_case(tree.root / file)
    folder, _, name = file.rpartition("/")
    match = CASE.fullmatch(name)
    assert match is not None
    letter = match["letter"].upper()
    stem = f"{folder}/{letter}_{match['number']}_{match['version']}".lstrip("/")
    marks = [_read_marks(tree, f"{stem}.{view.name}") for view in case.views]
    findings = [FINDINGS.get(mark.pathology, "") for of_view in marks for mark in of_view or ()]
    # Normal cases have no overlays; the others are named after the worst of their abnormalities.
    kind = {"malignant": "cancer", "benign": "benign"}.get(worst_finding(findings), "")
    if case.views and not any(view.marked or of_view for view, of_view in zip(case.views, marks, strict=True)):
        kind = "normal"
    patient = f"{letter}{match['number']}"
    shared = {"patient_id": patient, "case": kind, "source": case.digitizer, **_case_fields(patient, case)}
    return [
        _read_view(tree, f"{stem}.{view.name}", view, of_view, {"row": row, **shared})
        for row, (view, of_view) in enumerate(zip(case.views, marks, strict=True), start=start)
    ]


def _case_fields(patient: str, case: Case) -> dict[str, Any]:
    age = values.age(case.age)
    return {
        "exam_id": patient,
        "density": values.density(case.density)[0],
        "age": age if age > 0 else float("nan"),  # 0 means that the age is unknown
        "study_date": values.date(case.date),  # the year: the order of days and months differs between files
    }


def _read_marks(tree: Tree, stem: str) -> list[Abnormality] | None:
    file = tree.find(f"{stem}.OVERLAY")
    return read_overlay(tree.root / file) if file else None


def _read_view(
    tree: Tree, stem: str, view: View, overlay: list[Abnormality] | None, shared: dict[str, Any]
) -> tuple[Record, list[AuditEntry]]:
    marks = overlay or []
    side, _, projection = view.name.partition("_")
    marked = "marked" if marks or view.marked else "unmarked"
    path = _picture(tree, stem)
    assessments = [values.assessment(mark.assessment) for mark in marks]
    findings = [FINDINGS.get(mark.pathology, "") for mark in marks]
    record: dict[str, Any] = {
        **shared,
        "image_path": path,
        "laterality": side[0],
        "view": projection,
        "assessment": highest_assessment(assessments),
        "label": "normal" if shared["case"] == "normal" else worst_finding(findings),
        "marked": "" if shared["case"] == "normal" else marked,
        "lesion_types": ", ".join(sorted({name.lower() for mark in marks for name in mark.lesion_types})),
        "subtlety": ", ".join(sorted({mark.subtlety for mark in marks} - {""})),
    }
    entries: list[AuditEntry] = []
    if view.marked and not marks:
        entries.append(repaired(record, "no overlay", "the case's .ics file lists one; labels left empty"))
    entries += merged_abnormalities(record, assessments, findings)
    boxes = tuple(mark.box for mark in marks if mark.box)
    if len(boxes) < len(marks):
        entries.append(repaired(record, "unreadable outline", f"of {len(marks) - len(boxes)} abnormalities; left out"))
    size, outlines = (view.width, view.height), f"{len(boxes)} outlines"
    reason, detail = misfit(tree.root / path, [size], outlines) if boxes else ("", "")
    if reason:
        entries.append(repaired(record, reason, detail))
        boxes = ()
    return record | {"lesions": boxes}, entries


def _picture(tree: Tree, stem: str) -> str:
    """Return the picture that was converted from `stem`.LJPEG, or its name as PNG where there is none."""
    folder, _, name = stem.rpartition("/")
    spellings = (f"{folder}/{inside}{name}{ending}".lstrip("/") for inside in _FOLDERS for ending in _ENDINGS)
    return next((file for spelling in spellings if (file := tree.find(spelling))), f"{stem}.png")
