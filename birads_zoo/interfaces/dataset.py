"""A data set: from a folder to an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from birads_zoo.interfaces.index import Index, Target


@dataclass(frozen=True, kw_only=True)
class DatasetContext:
    """Where the data is, and how to read tables and folders that follow no convention of their own.

    `root` is `None` when the user gave none; only a data set that can make its own data accepts that. `table` is
    a sheet or CSV file, relative to the root unless absolute; `columns` maps canonical column names to the
    table's; `patient_pattern` is a regular expression whose first group, searched in the relative image path, is
    the patient id. `unlisted` asks for pictures that no row of the table names too, with what their paths tell of them;
    a data set without a table, or whose paths tell nothing, has none.
    """

    root: Path | None
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    patient_pattern: str = ""
    unlisted: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A data set: `load(options)` returns its `Index`, before any file is looked at.

    `targets` lists what can be predicted; the first is the default. `load` raises `UserError` for a root that
    is not this data set.
    """

    name: str
    summary: str
    load: Callable[[DatasetContext], Index]
    targets: tuple[Target, ...]
    aliases: tuple[str, ...] = ()
