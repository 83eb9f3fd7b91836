"""Audit entries of rows that a data set leaves out, or reads in another way than they are written."""

from collections.abc import Sequence

from birads_zoo import AuditEntry, Record
from birads_zoo_plugins.datasets._csv_table import repaired


def dropped(record: Record, reason: str, detail: str = "") -> AuditEntry:
    """Return an entry of a record that is left out."""
    whose = {name: record[name] for name in ("row", "image_path", "patient_id")}
    return AuditEntry(**whose, action="dropped", reason=reason, detail=detail)


def conflicting(record: Record, labels: Sequence[str]) -> list[AuditEntry]:
    """Return an entry where a record's label was taken from several, the first of which it has."""
    if len(labels) < 2:
        return []
    return [repaired(record, "label conflict", f"listed as {' and '.join(labels)}; taken as {labels[0]}")]
