"""Reads a tree of DICOM files: side, view and patient from headers, labels from a table or from folders."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, natural_key
from birads_zoo.dicom import Facts, ImageError, is_dicom, number_patients, read_facts
from birads_zoo_plugins.datasets._dicom_labels import note, read_labels
from birads_zoo_plugins.datasets._image_folder import pattern_finder
from birads_zoo_plugins.datasets._options import PatientOptions
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.columns import check_mapping
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree

_TRIED = 100  # files that are opened to recognise a folder


@dataclass(frozen=True, kw_only=True)
class _Usable:
    """A usable file: its row, its path, the facts in its header, and its patient's id ("" where unknown)."""

    row: int
    file: str
    facts: Facts
    patient: str = field(repr=False)


_Labels = tuple[Record, list[AuditEntry]]
"""A file's fields from a table or a folder, and notes on them."""


def load(context: DatasetContext) -> Index:
    """Read the header of every DICOM file below the root, with any name; rows count the files in natural order.

    Side, view, age and the study's year come from the header. The view is left empty for a magnified view and a view of
    a part or an implant, so that it is not paired with another. Patients and exams are numbered (`number_patients`): no
    id, name or date of the header enters the index. `options.patient_pattern` finds the patient id in the path, or else
    in the header's id, which is in capitals; the table may have the id instead. Labels come from `options.table` (see
    `read_labels`); without a table, `label` is the first folder's name. Other files (other modalities, raw or broken
    files, tomosyntheses, no DICOM) are dropped rows with their reason.

    Raises:
        UserError: for a missing root, a root without DICOM mammograms, an unreadable table, patient ids from both the
            table and the pattern, and, without a table, fewer than two folders of pictures.

    """
    options: PatientOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("dicom-folder", context))
    labels = read_labels(tree, options) if options.table else None
    files, audit = _read_files(tree, options)
    files = _with_patients(files, options)
    if labels is None:
        labelled: list[_Labels] = [
            ({"label": item.file.partition("/")[0] if "/" in item.file else ""}, []) for item in files
        ]
        _check_labels(tree, labelled)
    else:
        keys = [labels.key(item.file, item.patient, item.facts) for item in files]
        labelled = [labels.find(key) for key in keys]
        audit += [*labels.unmatched(set(keys), len(files) + len(audit)), *labels.notes]
        if options.patient_pattern and any(record.get("patient_id") for record, _ in labelled):
            raise UserError("dicom-folder takes the patient id from --table or --patient-pattern, not from both")
    identities = [
        replace(item.facts.identity, patient=record.get("patient_id") or item.patient)
        for item, (record, _) in zip(files, labelled, strict=True)
    ]
    records: list[Record] = []
    for item, (record, notes), (patient, exam) in zip(files, labelled, number_patients(identities), strict=True):
        records.append(_record(item, record, patient, exam))
        for remark in (*notes, *_notes(item, patient)):
            audit.append(replace(remark, row=item.row, image_path=item.file, patient_id=patient))
    return make_index(tree.root, records, audit)


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return the first DICOM file of a folder, or "" where none of the first files is DICOM."""
    for file in files[:_TRIED]:
        try:
            if not _is_ignored(file, "") and is_dicom(folder / file):
                return f"DICOM files, such as {file}"
        except ImageError:
            continue
    return ""


def _read_files(tree: Tree, options: PatientOptions) -> tuple[list[_Usable], list[AuditEntry]]:
    """Return the usable files, and an audit entry for each other file."""
    numbered = enumerate(
        sorted((file for file in tree.files if not _is_ignored(file, options.table)), key=natural_key), start=1
    )
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        results = list(threads.map(lambda place: _read_file(tree.root, *place), numbered))
    usable = [result for result in results if isinstance(result, _Usable)]
    audit = [result for result in results if isinstance(result, AuditEntry)]
    if not usable:
        reasons = ", ".join(sorted({entry.reason for entry in audit}))
        problem = f"none of its {len(audit)} files can be used ({reasons})" if audit else "it has no files"
        raise UserError(f"dicom-folder needs DICOM mammograms in {tree.root}; {problem}")
    return usable, audit


def _is_ignored(file: str, table: str) -> bool:
    """Return whether a file is no sample: the table, a hidden file, or the index of a DICOM disc."""
    name = file.rpartition("/")[2]
    return file == table or name == "DICOMDIR" or any(part.startswith(".") for part in file.split("/"))


def _read_file(root: Path, row: int, file: str) -> _Usable | AuditEntry:
    path = root / file
    try:
        if not is_dicom(path):
            raise ImageError("not a DICOM file", path.suffix or "no suffix")
        facts = read_facts(path)
        return _Usable(row=row, file=file, facts=facts, patient=facts.identity.patient)
    except ImageError as error:
        reason, detail = error.reason, error.detail
    return AuditEntry(row=row, image_path=file, patient_id="", action="dropped", reason=reason, detail=detail)


def _with_patients(files: Sequence[_Usable], options: PatientOptions) -> list[_Usable]:
    """Return the files with the patient ids that the pattern finds, if there is a pattern; blank ids become ""."""
    by_pattern = pattern_finder(options.patient_pattern) if options.patient_pattern else None
    named = []
    for item in files:
        name = item.patient
        if by_pattern:
            name = next(iter(by_pattern(item.file) or by_pattern(name)), "")
        named.append(replace(item, patient="" if values.is_blank(name) else name))
    return named


def _check_labels(tree: Tree, labelled: Sequence[_Labels]) -> None:
    classes = sorted({str(record["label"]) for record, _ in labelled} - {""}, key=natural_key)
    if len(classes) < 2:
        folders = f"only {classes[0]!r}" if classes else "none"
        raise UserError(
            f"dicom-folder needs a table of labels (--table), or one folder of files for each of at least two classes "
            f"in {tree.root}; found {folders}"
        )


def _record(item: _Usable, labels: Record, patient: str, exam: str) -> Record:
    age = values.age(item.facts.age)
    return {
        **labels,
        "row": item.row,
        "image_path": item.file,
        "patient_id": patient,
        "exam_id": exam,
        "laterality": item.facts.laterality or labels.get("laterality", ""),
        "view": item.facts.view or labels.get("view", ""),
        "age": age if age == age else labels.get("age", age),  # NaN: no age
        "study_date": values.date(item.facts.year),
        "source": labels.get("source") or item.facts.device,
    }


def _notes(item: _Usable, patient: str) -> Iterator[AuditEntry]:
    if not patient:
        yield note("repaired", "no patient id", "left empty")
    if item.facts.bare:
        yield note("repaired", "no DICM prefix", "read as a DICOM data set without a file's preamble and prefix")
    if item.facts.described:
        names = " and ".join(item.facts.described)
        yield note("repaired", f"{names} from the description", "only SeriesDescription or ProtocolName has it")
    for kind in item.facts.kinds:
        yield note("repaired", f"{kind} view", "not a standard view of a whole breast; its view is left empty")
    if item.facts.mirrored:
        yield note("repaired", "mirrored picture", "its header says that left and right are swapped")
    if item.facts.burnt_in:
        detail = "its header warns of it; text beside the breast is removed, text on the breast stays"
        yield note("repaired", "burnt-in annotation", detail)
