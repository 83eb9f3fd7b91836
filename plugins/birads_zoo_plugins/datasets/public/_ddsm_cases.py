"""DDSM as it was published: a folder a case with its `.ics`, `.OVERLAY` and pictures, converted from LJPEG."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from birads_zoo import AuditEntry, Index, Record, UserError, make_index, natural_key
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._tree import Tree
from birads_zoo_plugins.datasets.public._ddsm_files import Abnormality, Case, View, read_case, read_overlay
from birads_zoo_plugins.datasets.public._ddsm_labels import FINDINGS, OWN
from birads_zoo_plugins.datasets.public._entries import merged_abnormalities
from birads_zoo_plugins.datasets.public._sizes import misfit
from birads_zoo_plugins.datasets.public._suspicion import highest_assessment, worst_finding

CASE = re.compile(r"(?P<letter>[A-D])[-_](?P<number>\d+)[-_](?P<version>\d+)\.ics", re.IGNORECASE)
"""The name of a case's file, such as "B-3024-1.ics"."""
_ENDINGS = ("", ".LJPEG.png", ".LJPEG.1.png")  # what programs that convert make of NAME.LJPEG; the suffix may differ
_FOLDERS = ("", "PNGFiles/")


def case_files(tree: Tree) -> list[str]:
    """Return the `.ics` files of cases."""
    return sorted((file for file in tree.files if CASE.fullmatch(PurePosixPath(file).name)), key=natural_key)


def load(tree: Tree, files: Sequence[str]) -> Index:
    """Read the cases of these `.ics` files; rows count their pictures.

    Raises `UserError` where the pictures are there as LJPEG alone, and for an unreadable file.
    """
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for file in files:
        for record, entries in _read_case(tree, file, start=len(records) + 1):
            records.append(record)
            audit += entries
    there = any((tree.root / str(record["image_path"])).is_file() for record in records)
    compressed = next((file for file in tree.files if file.lower().endswith(".ljpeg")), "")
    if compressed and not there:
        raise UserError(
            f"{tree.root / compressed} is LJPEG, as are all pictures below {tree.root}: convert them to PNG or TIFF "
            "beside, without resizing"
        )
    return make_index(tree.root, records, audit, own=OWN)


def _read_case(tree: Tree, file: str, start: int) -> list[tuple[Record, list[AuditEntry]]]:
    case = read_case(tree.root / file)
    folder, _, name = file.rpartition("/")
    named = CASE.fullmatch(name)
    assert named is not None
    letter = named["letter"].upper()
    stem = f"{folder}/{letter}_{named['number']}_{named['version']}".lstrip("/")
    marks = [_read_marks(tree, f"{stem}.{view.name}") for view in case.views]
    findings = [FINDINGS.get(one.pathology, "") for some in marks for one in some or ()]
    # Normal cases have no overlays; the others are named by the worst of their abnormalities.
    kind = {"malignant": "cancer", "benign": "benign"}.get(worst_finding(findings), "")
    if case.views and not any(view.marked or some for view, some in zip(case.views, marks, strict=True)):
        kind = "normal"
    patient = f"{letter}{named['number']}"
    shared = {"patient_id": patient, "case": kind, "source": case.digitizer, **_of_the_case(patient, case)}
    return [
        _read_view(tree, f"{stem}.{view.name}", view, some, {"row": row, **shared})
        for row, (view, some) in enumerate(zip(case.views, marks, strict=True), start=start)
    ]


def _of_the_case(patient: str, case: Case) -> dict[str, Any]:
    age = values.age(case.age)
    return {
        "exam_id": patient,
        "density": values.density(case.density)[0],
        "age": age if age > 0 else float("nan"),  # 0 stands for an unknown age
        "study_date": values.date(case.date),  # the year: days and months change their places
    }


def _read_marks(tree: Tree, stem: str) -> list[Abnormality] | None:
    found = tree.find(f"{stem}.OVERLAY")
    return read_overlay(tree.root / found) if found else None


def _read_view(
    tree: Tree, stem: str, view: View, marks: list[Abnormality] | None, shared: dict[str, Any]
) -> tuple[Record, list[AuditEntry]]:
    some = marks or []
    side, _, projection = view.name.partition("_")
    marked = "marked" if some or view.marked else "unmarked"
    path = _picture(tree, stem)
    assessments = [values.assessment(one.assessment) for one in some]
    findings = [FINDINGS.get(one.pathology, "") for one in some]
    record: dict[str, Any] = {
        **shared,
        "image_path": path,
        "laterality": side[0],
        "view": projection,
        "assessment": highest_assessment(assessments),
        "label": "normal" if shared["case"] == "normal" else worst_finding(findings),
        "marked": "" if shared["case"] == "normal" else marked,
        "lesion_types": ", ".join(sorted({name.lower() for one in some for name in one.lesion_types})),
        "subtlety": ", ".join(sorted({one.subtlety for one in some} - {""})),
    }
    entries: list[AuditEntry] = []
    if view.marked and not some:
        entries.append(repaired(record, "no overlay", "the case's .ics file says that there is one; labels left empty"))
    entries += merged_abnormalities(record, assessments, findings)
    boxes = tuple(one.box for one in some if one.box)
    if len(boxes) < len(some):
        entries.append(repaired(record, "unreadable outline", f"of {len(some) - len(boxes)} abnormalities; left out"))
    size, outlines = (view.width, view.height), f"{len(boxes)} outlines"
    reason, detail = misfit(tree.root / path, [size], outlines) if boxes else ("", "")
    if reason:
        entries.append(repaired(record, reason, detail))
        boxes = ()
    return record | {"lesions": boxes}, entries


def _picture(tree: Tree, stem: str) -> str:
    """Return the picture that was made of `stem`.LJPEG, and its name as PNG where there is none."""
    folder, _, name = stem.rpartition("/")
    spelt = (f"{folder}/{inside}{name}{ending}".lstrip("/") for inside in _FOLDERS for ending in _ENDINGS)
    return next((found for one in spelt if (found := tree.find(one))), f"{stem}.png")
