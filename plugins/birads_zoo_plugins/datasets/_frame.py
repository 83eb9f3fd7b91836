"""Records as an index: the canonical columns, in order, with their types."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from birads_zoo import INDEX_COLUMNS, AuditEntry, Index

Record = Mapping[str, Any]
"""One row: any of the canonical columns, and a data set's own; what is left out is unknown."""


def make_index(root: Path, records: Sequence[Record], audit: Sequence[AuditEntry], own: Sequence[str] = ()) -> Index:
    """Return the index of `records`; `own` names text columns to append after the canonical ones."""
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
