"""Unifies values that are spelt in several ways: classes that differ only in case or spaces become one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from birads_zoo.cells import folded
from birads_zoo.interfaces import AuditEntry, Index, Target


def unify_spellings(index: Index, targets: Sequence[Target]) -> Index:
    """Return the index with one spelling of each class whose name is a value: the commonest, or the first at a tie.

    Two values are spellings of one class if `birads_zoo.cells.folded` makes them equal. A column is left unchanged if a
    target that names its classes reads it. Each changed row gets an audit entry.
    """
    named = {target.column for target in targets if target.classes is not None}
    for column in sorted({target.column for target in targets if target.classes is None} - named):
        if column in index.rows:
            index = _respelt(index, column)
    return index


def _respelt(index: Index, column: str) -> Index:
    values = [str(value) for value in index.rows[column]]
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for value in values:
        spellings[folded(value)][value] += 1
    common = {key: counts.most_common(1)[0][0] for key, counts in spellings.items()}
    chosen = [common[folded(value)] for value in values]
    changed = [at for at, (value, spelling) in enumerate(zip(values, chosen, strict=True)) if value != spelling]
    if not changed:
        return index
    old = index.rows.iloc[changed]
    entries = tuple(
        AuditEntry(
            row=int(row),
            image_path=path,
            patient_id=patient,
            action="repaired",
            reason=f"spelling of {column}",
            detail=f"{values[at]!r} taken as {chosen[at]!r}",
        )
        for at, row, path, patient in zip(changed, old["row"], old["image_path"], old["patient_id"], strict=True)
    )
    rows = index.rows.assign(**{column: chosen}).astype({column: index.rows[column].dtype})
    return replace(index, rows=rows, audit=index.audit + entries)
