"""A tree of DICOM files: what their headers say of each exposure, and labels from a table or from their folders."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, natural_key
from birads_zoo.dicom import Facts, ImageError, is_dicom, number_patients, read_facts
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._columns import check_mapping
from birads_zoo_plugins.datasets._dicom_labels import note, read_labels
from birads_zoo_plugins.datasets._image_folder import pattern_finder
from birads_zoo_plugins.datasets._options import PatientOptions
from birads_zoo_plugins.datasets._tree import Tree, check_root, list_tree

_TRIED = 100  # files, to recognise a folder by


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A usable file: its row, its path, what its header says, and its patient's id ("" where unknown)."""

    row: int
    file: str
    facts: Facts
    patient: str = field(repr=False)


_Told = tuple[Record, list[AuditEntry]]
"""What a table or a folder says of a file, and notes on it."""


def load(context: DatasetContext) -> Index:
    """Read the header of every DICOM file below the root, whatever its name; rows count the files in natural order.

    Side, view, age and the study's year are the header's; a view that is magnified, of a part or of an implant is left
    empty, so that it is paired with no other. Patients and exams are numbered (`number_patients`): no id,
    name or date of the header gets into the index. `options.patient_pattern` finds the id in the path, or, where it
    finds nothing there, in the header's own id, which is in capitals; the table may give it too. Labels come from
    `options.table` (see `read_labels`); without one, `label` is the first folder's name. Files that are no mammograms
    to be looked at (other modalities, raw or broken files, tomosyntheses, no DICOM) are dropped rows with their reason.

    Raises:
        UserError: for a missing root, a root without DICOM mammograms, a table that is none, both ways to a patient at
            once, and, without a table, fewer than two folders of pictures.

    """
    options: PatientOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("dicom-folder", context))
    labels = read_labels(tree, options) if options.table else None
    seen, audit = _look_through(tree, options)
    seen = _named(seen, options)
    if labels is None:
        told: list[_Told] = [({"label": one.file.partition("/")[0] if "/" in one.file else ""}, []) for one in seen]
        _check_labels(tree, told)
    else:
        keys = [labels.key(one.file, one.patient, one.facts) for one in seen]
        told = [labels.find(key) for key in keys]
        audit += [*labels.unmatched(set(keys), len(seen) + len(audit)), *labels.notes]
        if options.patient_pattern and any(record.get("patient_id") for record, _ in told):
            raise UserError("dicom-folder takes the patient id from --table or --patient-pattern, not from both")
    identities = [
        replace(one.facts.identity, patient=record.get("patient_id") or one.patient)
        for one, (record, _) in zip(seen, told, strict=True)
    ]
    records: list[Record] = []
    for one, (record, notes), (patient, exam) in zip(seen, told, number_patients(identities), strict=True):
        records.append(_record(one, record, patient, exam))
        for remark in (*notes, *_notes(one, patient)):
            audit.append(replace(remark, row=one.row, image_path=one.file, patient_id=patient))
    return make_index(tree.root, records, audit)


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return the first DICOM file of a folder, "" where none of the first files is one."""
    for file in files[:_TRIED]:
        try:
            if not _beside(file, "") and is_dicom(folder / file):
                return f"DICOM files, such as {file}"
        except ImageError:
            continue
    return ""


def _look_through(tree: Tree, options: PatientOptions) -> tuple[list[_Seen], list[AuditEntry]]:
    """Return the usable files, and an audit entry for each other."""
    numbered = enumerate(
        sorted((file for file in tree.files if not _beside(file, options.table)), key=natural_key), start=1
    )
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        looked = list(threads.map(lambda place: _look(tree.root, *place), numbered))
    seen = [one for one in looked if isinstance(one, _Seen)]
    audit = [one for one in looked if isinstance(one, AuditEntry)]
    if not seen:
        reasons = ", ".join(sorted({entry.reason for entry in audit}))
        found = f"of its {len(audit)} files none can be used ({reasons})" if audit else "it has no files"
        raise UserError(f"dicom-folder needs DICOM mammograms in {tree.root}; {found}")
    return seen, audit


def _beside(file: str, table: str) -> bool:
    """Say whether a file is no sample: the table, hidden ones, and the index that DICOM discs carry."""
    name = file.rpartition("/")[2]
    return file == table or name == "DICOMDIR" or any(part.startswith(".") for part in file.split("/"))


def _look(root: Path, row: int, file: str) -> _Seen | AuditEntry:
    path = root / file
    try:
        if not is_dicom(path):
            raise ImageError("not a DICOM file", path.suffix or "no suffix")
        facts = read_facts(path)
        return _Seen(row=row, file=file, facts=facts, patient=facts.identity.patient)
    except ImageError as error:
        reason, detail = error.reason, error.detail
    return AuditEntry(row=row, image_path=file, patient_id="", action="dropped", reason=reason, detail=detail)


def _named(seen: Sequence[_Seen], options: PatientOptions) -> list[_Seen]:
    """Return the files with the patient ids that the pattern finds, if there is one; blanks are unknown."""
    by_pattern = pattern_finder(options.patient_pattern) if options.patient_pattern else None
    named = []
    for one in seen:
        name = one.patient
        if by_pattern:
            name = next(iter(by_pattern(one.file) or by_pattern(name)), "")
        named.append(replace(one, patient="" if values.is_blank(name) else name))
    return named


def _check_labels(tree: Tree, told: Sequence[_Told]) -> None:
    classes = sorted({str(record["label"]) for record, _ in told} - {""}, key=natural_key)
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise UserError(
            f"dicom-folder needs a table of labels (--table), or a folder of files for each of two classes at least in "
            f"{tree.root}; found {found}"
        )


def _record(one: _Seen, told: Record, patient: str, exam: str) -> Record:
    age = values.age(one.facts.age)
    return {
        **told,
        "row": one.row,
        "image_path": one.file,
        "patient_id": patient,
        "exam_id": exam,
        "laterality": one.facts.laterality or told.get("laterality", ""),
        "view": one.facts.view or told.get("view", ""),
        "age": age if age == age else told.get("age", age),  # NaN is no age
        "study_date": values.date(one.facts.year),
        "source": told.get("source") or one.facts.device,
    }


def _notes(one: _Seen, patient: str) -> Iterator[AuditEntry]:
    if not patient:
        yield note("repaired", "no patient id", "left empty")
    if one.facts.bare:
        yield note("repaired", "no DICM prefix", "read as a data set without the preamble and the prefix of a file")
    if one.facts.described:
        told = " and ".join(one.facts.described)
        yield note("repaired", f"{told} from the description", "SeriesDescription or ProtocolName alone tells it")
    for kind in one.facts.kinds:
        yield note("repaired", f"{kind} view", "no standard view of a whole breast; its view is left empty")
    if one.facts.mirrored:
        yield note("repaired", "mirrored picture", "left and right are swapped, says its header")
    if one.facts.burnt_in:
        detail = "its header warns of it; what lies beside the breast is taken out, the rest stays"
        yield note("repaired", "burnt-in annotation", detail)
