"""Audit entries of rows that a data set leaves out or changes."""

from collections.abc import Iterable, Sequence

from birads_zoo import AuditEntry, Record
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets.public._shared.suspicion import by_suspicion


def dropped(record: Record, reason: str, detail: str = "") -> AuditEntry:
    """Return an entry of a record that is left out."""
    identity = {name: record[name] for name in ("row", "image_path", "patient_id")}
    return AuditEntry(**identity, action="dropped", reason=reason, detail=detail)


def conflicting(record: Record, labels: Sequence[str]) -> list[AuditEntry]:
    """Return an entry where a record has several labels, of which the first was taken."""
    if len(labels) < 2:
        return []
    return [repaired(record, "label conflict", f"listed as {' and '.join(labels)}; taken as {labels[0]}")]


def merged_assessments(record: Record, assessments: Iterable[str]) -> list[AuditEntry]:
    """Return an entry where a record has different assessments, of which the most suspicious was taken."""
    different = by_suspicion(assessments)
    if len(different) < 2:
        return []
    detail = f"findings of BI-RADS {' and '.join(different)}; taken as {record['assessment']}"
    return [repaired(record, "several assessments", detail)]


def merged_abnormalities(record: Record, assessments: Sequence[str], findings: Sequence[str]) -> list[AuditEntry]:
    """Return an entry where a record's assessment and finding come from several abnormalities."""
    if len(assessments) < 2:
        return []
    listed = ", ".join(f"{a or '?'} {f or '?'}" for a, f in zip(assessments, findings, strict=True))
    detail = f"{listed}; taken as {record['assessment']} {record['label']}"
    return [repaired(record, "several abnormalities", detail)]
