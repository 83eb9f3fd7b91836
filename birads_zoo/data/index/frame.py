"""Makes an index from records: the canonical columns, in order, with their types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from birads_zoo.interfaces import INDEX_COLUMNS, AuditEntry, Index, Record

if TYPE_CHECKING:
    import pandas as pd


def make_index(
    root: Path, records: Sequence[Record], audit: Sequence[AuditEntry] = (), own: Sequence[str] = ()
) -> Index:
    """Return the index of a data set's records, with one row per record.

    Args:
        root: the data set's folder. Image paths are relative to it.
        records: mappings with any of the `INDEX_COLUMNS`. `row` is required; missing values are unknown.
        audit: entries for rows that were dropped or repaired while reading.
        own: names of the data set's own text columns, appended after the canonical ones.

    Raises:
        ValueError: for a record without a row number, or with a column that is neither canonical nor in `own`.

    """
    import pandas as pd

    known = {*INDEX_COLUMNS, *own}
    for record in records:
        if "row" not in record:
            raise ValueError(f"a record of the index has no row number: {dict(record)}")
        if other := sorted(record.keys() - known):
            raise ValueError(
                f"row {record['row']} of the index has {other[0]!r}, which is not a column; say own=({other[0]!r},)"
            )
    columns: dict[str, pd.Series[Any]] = {}
    for name in (*INDEX_COLUMNS, *own):
        if name == "row":
            columns[name] = pd.Series([record["row"] for record in records], dtype="int64")
        elif name == "age":
            columns[name] = pd.Series([record.get("age", math.nan) for record in records], dtype="float64")
        elif name == "lesions":
            columns[name] = pd.Series([record.get("lesions", ()) for record in records], dtype="object")
        else:
            columns[name] = pd.Series([record.get(name, "") for record in records], dtype="str")
    return Index(root=root, rows=pd.DataFrame(columns), audit=tuple(audit))
