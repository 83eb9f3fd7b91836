"""A tree of DICOM files: what their headers say of each exposure, and labels from a table or from their folders."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from birads_zoo.data.classes import natural
from birads_zoo.data.dicom_exposure import Exposure, find_exposure
from birads_zoo.data.dicom_header import Said, read_header
from birads_zoo.data.dicom_identity import Identity, number_patients, read_identity
from birads_zoo.data.images import ImageError, is_dicom
from birads_zoo.errors import UserError
from birads_zoo.interfaces import AuditEntry, DatasetOptions, Index
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._columns import check_mapping
from birads_zoo_plugins.datasets._dicom_labels import read_labels
from birads_zoo_plugins.datasets._frame import Record, make_index
from birads_zoo_plugins.datasets._image_folder import pattern_finder
from birads_zoo_plugins.datasets._tree import Tree, check_root, list_tree


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A usable file's header."""

    said: Said
    exposure: Exposure
    identity: Identity


def load(options: DatasetOptions) -> Index:
    """Read the header of every DICOM file below the root, whatever its name; rows count the files in natural order.

    Side, view, age and the study's year are the header's. Patients and exams are numbered (`number_patients`): no id,
    name or date of the header gets into the index. A patient id may come from the path instead
    (`options.patient_pattern`), or from the table, numbered too. Labels come from `options.table` (see `read_labels`);
    without one, `label` is the first folder's name. Files that are no mammograms to be looked at (other modalities, raw
    or broken files, tomosyntheses, no DICOM) are dropped rows, each with its reason.

    Raises:
        UserError: for a missing root, a root without DICOM files, a table that is none, both ways to a patient at
            once, and, without a table, fewer than two folders of pictures.

    """
    check_mapping(options.columns)
    tree = list_tree(check_root("dicom-folder", options))
    labels = read_labels(tree, options) if options.table else None
    files = [file for file in tree.files if not _beside(file, options)]
    numbered = list(enumerate(sorted(files, key=natural), start=1))
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        looked = list(threads.map(lambda file: _look(tree.root / file), [file for _, file in numbered]))
    seen = [(row, file, one) for (row, file), one in zip(numbered, looked, strict=True) if isinstance(one, _Seen)]
    audit = [
        AuditEntry(row=row, image_path=file, patient_id="", action="dropped", reason=one.reason, detail=one.detail)
        for (row, file), one in zip(numbered, looked, strict=True)
        if isinstance(one, ImageError)
    ]
    if not seen:
        reasons = sorted({entry.reason for entry in audit})
        found = f"of its {len(audit)} files none can be used ({', '.join(reasons)})" if audit else "it has no files"
        raise UserError(f"dicom-folder needs DICOM mammograms in {tree.root}; {found}")
    keys = [labels.key(file, one.identity.patient, one.exposure) if labels else () for _, file, one in seen]
    told = [
        labels.find(key) if labels else (_by_folder(file), []) for key, (_, file, _) in zip(keys, seen, strict=True)
    ]
    people = _people(seen, [record for record, _ in told], options)
    records: list[Record] = []
    for (row, file, one), (said, notes), (patient, exam) in zip(seen, told, people, strict=True):
        records.append(_record(row, file, one, said, patient, exam))
        audit += [replace(note, row=row, image_path=file, patient_id=patient) for note in notes]
        audit += [_repaired(row, file, patient, reason, detail) for reason, detail in _notes(one, patient)]
    if labels is not None:
        audit += labels.unmatched(set(keys), len(numbered))
    else:
        _check_folders(tree, records)
    return make_index(tree.root, records, audit)


def _beside(file: str, options: DatasetOptions) -> bool:
    """Say whether a file is no sample: the table, hidden ones, and the index that DICOM discs carry."""
    name = file.rpartition("/")[2]
    return file == options.table or name == "DICOMDIR" or any(part.startswith(".") for part in file.split("/"))


def _look(path: Path) -> _Seen | ImageError:
    try:
        if not is_dicom(path):
            return ImageError("not a DICOM file", path.suffix or "no suffix")
        said = read_header(path).said
        return _Seen(said=said, exposure=find_exposure(said), identity=read_identity(path))
    except ImageError as error:
        return error


def _by_folder(file: str) -> Record:
    return {"label": file.partition("/")[0] if "/" in file else ""}


def _people(
    seen: Sequence[tuple[int, str, _Seen]], told: Sequence[Record], options: DatasetOptions
) -> list[tuple[str, str]]:
    """Number the patients, by the path's or the table's id where it gives one, else by the header's."""
    by_path = pattern_finder(options.patient_pattern) if options.patient_pattern else None
    if by_path and any(record.get("patient_id") for record in told):
        raise UserError("dicom-folder takes the patient id from --table or --patient-pattern, not from both")
    identities = []
    for (_, file, one), record in zip(seen, told, strict=True):
        named = next(iter(by_path(file)), "") if by_path else record.get("patient_id") or one.identity.patient
        identities.append(Identity(patient="" if values.is_blank(named) else named, study=one.identity.study))
    return number_patients(identities)


def _record(row: int, file: str, one: _Seen, told: Record, patient: str, exam: str) -> Record:
    age = values.age(one.said.age)
    return {
        **told,
        "row": row,
        "image_path": file,
        "patient_id": patient,
        "exam_id": exam,
        "laterality": one.exposure.laterality or told.get("laterality", ""),
        "view": one.exposure.view or told.get("view", ""),
        "age": age if age == age else told.get("age", age),  # NaN is no age
        "study_date": values.date(one.said.year),
    }


def _notes(one: _Seen, patient: str) -> Iterator[tuple[str, str]]:
    if not patient:
        yield "no patient id", "left empty"
    if one.exposure.mirrored:
        yield "mirrored picture", "left and right are swapped, says its header"
    if one.said.burnt_in:
        yield "burnt-in annotation", "its header warns of it; what lies beside the breast is taken out, the rest stays"


def _check_folders(tree: Tree, records: Sequence[Record]) -> None:
    classes = sorted({str(record["label"]) for record in records} - {""}, key=natural)
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise UserError(
            f"dicom-folder needs a table of labels (--table), or a folder of files for each of two classes at least in "
            f"{tree.root}; found {found}"
        )


def _repaired(row: int, file: str, patient: str, reason: str, detail: str) -> AuditEntry:
    action: Literal["repaired"] = "repaired"
    return AuditEntry(row=row, image_path=file, patient_id=patient, action=action, reason=reason, detail=detail)
