"""Audit entries of rows that a data set leaves out, or reads in another way than they are written."""

from collections.abc import Iterable, Sequence

from birads_zoo import AuditEntry, Record
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets.public._suspicion import by_suspicion


def dropped(record: Record, reason: str, detail: str = "") -> AuditEntry:
    """Return an entry of a record that is left out."""
    whose = {name: record[name] for name in ("row", "image_path", "patient_id")}
    return AuditEntry(**whose, action="dropped", reason=reason, detail=detail)


def conflicting(record: Record, labels: Sequence[str]) -> list[AuditEntry]:
    """Return an entry where a record's label was taken from several, the first of which it has."""
    if len(labels) < 2:
        return []
    return [repaired(record, "label conflict", f"listed as {' and '.join(labels)}; taken as {labels[0]}")]


def merged_assessments(record: Record, assessments: Iterable[str]) -> list[AuditEntry]:
    """Return an entry where a record's assessment was taken from different ones."""
    different = by_suspicion(assessments)
    if len(different) < 2:
        return []
    detail = f"findings of BI-RADS {' and '.join(different)}; taken as {record['assessment']}"
    return [repaired(record, "several assessments", detail)]


def merged_abnormalities(record: Record, assessments: Sequence[str], findings: Sequence[str]) -> list[AuditEntry]:
    """Return an entry where a record has the assessment and the finding of several abnormalities."""
    if len(assessments) < 2:
        return []
    told = ", ".join(f"{a or '?'} {f or '?'}" for a, f in zip(assessments, findings, strict=True))
    detail = f"{told}; taken as {record['assessment']} {record['label']}"
    return [repaired(record, "several abnormalities", detail)]
