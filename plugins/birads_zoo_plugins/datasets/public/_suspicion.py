"""Several assessments of one picture as the most suspicious of them."""

from collections.abc import Iterable

from birads_zoo import AuditEntry, Record
from birads_zoo_plugins.datasets._csv_table import repaired

_ORDER = "1230456"
"""From the least suspicious to the most. 0 asks for more pictures, which 1 to 3 do not; 6 is a proven cancer."""


def most_suspicious(assessments: Iterable[str]) -> str:
    """Return the most suspicious of BI-RADS categories "0" to "6", "" where there is none."""
    return max((one for one in assessments if one), key=_ORDER.index, default="")


def merged(record: Record, assessments: Iterable[str]) -> list[AuditEntry]:
    """Return an entry where a record's assessment was taken from different ones."""
    different = sorted({one for one in assessments if one}, key=_ORDER.index)
    if len(different) < 2:
        return []
    detail = f"findings of BI-RADS {' and '.join(different)}; taken as {record['assessment']}"
    return [repaired(record, "several assessments", detail)]
