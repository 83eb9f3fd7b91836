"""Merges the spellings of a patient's id, where the user asks for it."""

from collections.abc import Sequence
from dataclasses import replace

from birads_zoo import AuditEntry, Record
from birads_zoo.cells import alike_ids
from birads_zoo_plugins.datasets._options import FolderOptions, KaumdsOptions


def merged_ids(
    records: Sequence[Record], audit: Sequence[AuditEntry], options: FolderOptions | KaumdsOptions
) -> tuple[list[Record], list[AuditEntry]]:
    """Return records and audit with the first spelling of each patient's id, where `options.merge_ids` is set.

    An exam's id begins with its patient's id and changes with it.
    """
    if not options.merge_ids:
        return list(records), list(audit)
    first: dict[str, str] = {
        other: spellings[0]
        for spellings in alike_ids(record["patient_id"] for record in records)
        for other in spellings[1:]
    }
    merged: list[Record] = []
    notes: list[AuditEntry] = []
    for record in records:
        written: str = record["patient_id"]
        patient = first.get(written, written)
        if patient == written:
            merged.append(record)
            continue
        exam: str = record.get("exam_id", "")
        merged.append({**record, "patient_id": patient, "exam_id": exam and patient + exam.removeprefix(written)})
        notes.append(
            AuditEntry(
                row=record["row"],
                image_path=record["image_path"],
                patient_id=patient,
                action="repaired",
                reason="patient id merged",
                detail=f"{written!r} taken as {patient!r}",
            )
        )
    known = [replace(entry, patient_id=first.get(entry.patient_id) or entry.patient_id) for entry in audit]
    return merged, known + notes
