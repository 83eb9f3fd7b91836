"""Loads the index of a recipe's data set."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.data.index.audit import drop
from birads_zoo.data.index.spelling import unify_spellings
from birads_zoo.interfaces import INDEX_COLUMNS, DatasetContext, Index
from birads_zoo.printable import is_utf8, printable
from birads_zoo.recipe import DatasetSection

if TYPE_CHECKING:
    import pandas as pd

    from birads_zoo.plugin.host import Host

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # not tabs and line feeds

VALUES = {"laterality": "LR", "assessment": "0123456", "density": "ABCD"}
"""The possible values of columns that the engine reads."""


def load_index(section: DatasetSection, host: Host) -> Index:
    """Load the index of the section's data set. No picture is read; every path in it is relative to its root.

    Rows are sorted by content, and different spellings of one class are unified (see `unify_spellings`). A row is
    dropped if its file's name is not UTF-8, because no table could hold it. Control characters in classes and ids are
    replaced by their escapes, because a terminal would obey them, and a workbook cannot hold them.

    Raises `UserError` for an unknown data set, or for a root or table that is not this data set's. It also raises one
    that names the plugin if the data set returns something other than an index, or two rows have the same number.
    """
    spec = host.dataset(section.name)
    root = Path(section.root).expanduser() if section.root else None
    context = DatasetContext(root=root, options=host.options("dataset", spec.name, section.options))
    with host.building("dataset", spec.name):
        index = _index(spec.load(context))
    return unify_spellings(_printable(_named(index)), spec.targets)


def _index(loaded: object) -> Index:
    if not isinstance(loaded, Index):
        raise TypeError(f"it returned a {type(loaded).__name__}, not an Index")
    missing = [name for name in INDEX_COLUMNS if name not in loaded.rows]
    if missing:
        raise ValueError(
            f"the index that it returned lacks the column {missing[0]!r}; birads_zoo.make_index gives all of them"
        )
    twice = loaded.rows["row"][loaded.rows["row"].duplicated()]
    if len(twice):
        raise ValueError(f"the index that it returned has the row number {twice.iloc[0]} twice; they must be unique")
    for column, known in VALUES.items():
        wrong = loaded.rows[~loaded.rows[column].isin(["", *known])]
        if len(wrong):
            number, value = wrong["row"].iloc[0], wrong[column].iloc[0]
            expected = f"one of {', '.join(map(repr, known))}, or '' where it is unknown"
            raise ValueError(f"row {number} of the index that it returned has the {column} {value!r}, not {expected}")
    # From here on rows are found by position. A filtered or sorted table may still have other row labels.
    return replace(loaded, rows=_by_content(loaded.rows).reset_index(drop=True))


def _named(index: Index) -> Index:
    """Drop rows whose file names are not UTF-8."""
    paths = index.rows["image_path"]
    unnamed = [at for at, path in enumerate(paths) if not is_utf8(path)]
    if not unnamed and all(is_utf8(entry.image_path) for entry in index.audit):
        return index
    rows = index.rows.assign(image_path=[_utf8(path) for path in paths])
    audit = tuple(
        replace(entry, image_path=_utf8(entry.image_path), detail=_utf8(entry.detail)) for entry in index.audit
    )
    reason = ("file name is not UTF-8", "rename the file, or its folder")
    return drop(replace(index, rows=rows, audit=audit), dict.fromkeys(unnamed, reason))


def _utf8(text: str) -> str:
    return text if is_utf8(text) else printable(text)


def _printable(index: Index) -> Index:
    """Replace control characters in all texts, except in paths, by their escapes."""
    texts = index.rows.drop(columns="image_path").select_dtypes(exclude="number")
    changed = {
        str(name): [printable(cell) if isinstance(cell, str) and _CONTROL.search(cell) else cell for cell in cells]
        for name, cells in texts.items()
        if _CONTROL.search("\n".join(cell for cell in cells if isinstance(cell, str)))
    }
    return replace(index, rows=index.rows.assign(**changed)) if changed else index


def _by_content(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by their paths and, where two have the same, by everything else and at last by their numbers.

    Batches, folds and everything random take rows by position, so tables with the same rows in another order give the
    same results.
    """
    columns = ["image_path"]
    if rows["image_path"].duplicated().any():
        columns += [str(name) for name in rows if name not in ("image_path", "row")]
    return rows.sort_values(
        [*columns, "row"], key=lambda column: column if column.name == "row" else column.astype(str)
    )
