"""Audits an index: finds which rows can be used, and gives a reason for each of the others.

Every step takes an index and returns a smaller one, with an audit entry for each row that it drops. The last step
numbers the classes.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.index import classes as index_classes
from birads_zoo.data.picture import GreyArray, ImageError
from birads_zoo.errors import UserError, unknown_name
from birads_zoo.interfaces import AuditEntry, DatasetSpec, Index, Target

ENTRY_COLUMNS = ("row", "image_path", "patient_id", "action", "reason", "detail")
"""The columns of `audit.csv`."""

Reasons = dict[int, tuple[str, str]]
"""Row position → (reason, detail)."""

T = TypeVar("T")

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
_COMPARED = ("assessment", "label", "density")  # in which two rows of one picture must agree


@dataclass(frozen=True, kw_only=True)
class AuditSummary:
    """The counts of an audit: all rows and patients, and rows by assessment, before any row was dropped.

    `usable` and the counts of `dropped` add up to `rows`. `repaired` counts repairs, of which a row can have several.
    `unlisted` counts pictures that no row names.
    """

    rows: int
    patients: int
    usable: int
    by_assessment: dict[str, int]
    dropped: dict[str, int]
    repaired: dict[str, int]
    unlisted: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """An index in which every row has a class: `labels` (n,) are positions in `classes`, in the target's order."""

    index: Index
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    target: Target


def drop(index: Index, reasons: Mapping[int, tuple[str, str]]) -> Index:
    """Return the index without the rows at the given positions, and an audit entry for each of them."""
    if not reasons:
        return index
    positions = sorted(reasons)
    dropped = index.rows.iloc[positions]
    entries = tuple(
        AuditEntry(row=int(row), image_path=path, patient_id=patient, action="dropped", reason=reason, detail=detail)
        for row, path, patient, (reason, detail) in zip(
            dropped["row"], dropped["image_path"], dropped["patient_id"], (reasons[at] for at in positions), strict=True
        )
    )
    left = index.rows.drop(index=index.rows.index[positions]).reset_index(drop=True)
    return replace(index, rows=left, audit=index.audit + entries)


def check_rows(index: Index) -> Index:
    """Drop rows that name one picture more than once.

    If such rows agree, the row with the most values is kept (the first one at a tie), and the others are dropped as
    "duplicate path". If they disagree about the labels ("label conflict") or the patient ("patient conflict"), it is
    unknown which is right, and all are dropped. A blank agrees with every value.
    """
    reasons: Reasons = {}
    rows = index.rows
    named = rows[rows["image_path"] != ""]
    for path, group in named[named["image_path"].duplicated(keep=False)].groupby("image_path", sort=False):
        numbers = ", ".join(str(number) for number in group["row"])
        values = group[[*_COMPARED, "patient_id"]].where(lambda cells: cells != "")
        clashes = [column for column in values if values[column].nunique() > 1]
        if clashes:
            reason = "patient conflict" if clashes == ["patient_id"] else "label conflict"
            differences = (f"{column} {' or '.join(map(repr, values[column].dropna().unique()))}" for column in clashes)
            detail = f"rows {numbers}: {'; '.join(differences)}"
            reasons |= {int(at): (reason, detail) for at in group.index}
        else:
            kept = int(values.notna().sum(axis=1).argmax())
            detail = f"row {group['row'].iloc[kept]} names {path} already"
            reasons |= {int(at): ("duplicate path", detail) for at in np.delete(group.index.to_numpy(), kept)}
    return drop(index, reasons)


def check_files(index: Index) -> Index:
    """Drop rows whose file is missing, empty or may not be read. Only the folder is read, not the files."""
    reasons: Reasons = {}
    for at, path in enumerate(index.rows["image_path"]):
        problem = _file_problem(index.root, path)
        if problem:
            reasons[at] = problem
    return drop(index, reasons)


def check_decodes(
    index: Index, look: Callable[[GreyArray], T], on_progress: Callable[[int, int], None] | None = None
) -> tuple[Index, tuple[T, ...]]:
    """Drop rows whose picture does not decode completely, or is too small or too large to be a mammogram.

    Reads every picture, in threads. Returns also the result of `look` for each picture that is left, in their order.
    `on_progress(done, total)` is called after each.
    """

    def try_to_look(file: Path) -> tuple[str, str] | list[T]:
        try:
            return [look(read_image(file))]
        except ImageError as error:
            return error.reason, error.detail

    files = [index.root / path for path in index.rows["image_path"]]
    reasons: Reasons = {}
    results: list[T] = []
    # Pillow decodes without holding the interpreter's lock. More threads than cores would only take more memory.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        for at, result in enumerate(threads.map(try_to_look, files)):
            if isinstance(result, tuple):
                reasons[at] = result
            else:
                results += result
            if on_progress:
                on_progress(at + 1, len(files))
    return drop(index, reasons), tuple(results)


def choose_target(spec: DatasetSpec, name: str, index: Index) -> Target:
    """Return the data set's target of that name; for "" the first target with values in `index`, else the first.

    Raises `UserError` with the nearest names for an unknown name.
    """
    if not name:
        with_values = (t for t in spec.targets if t.column in index.rows and any(index_classes.values(index, t)))
        return next(with_values, spec.targets[0])
    targets = {target.name: target for target in spec.targets}
    if name not in targets:
        raise unknown_name(f"target of data set {spec.name!r}:", name, targets)
    return targets[name]


def drop_unlabelled(index: Index, target: Target, keep: Sequence[str] = ()) -> Index:
    """Drop rows without a value in the target's column ("no assessment", …), and rows whose class is not kept.

    The latter are dropped as "excluded category". `keep` names the classes to keep; () keeps all. Raises `UserError`
    for a name that is not a class of the target.
    """
    check_kept(target, keep, index_classes.class_names(index, target))
    reasons: Reasons = {}
    names = index_classes.find_classes(index, target)
    for at, (value, name) in enumerate(zip(index_classes.values(index, target), names, strict=True)):
        if not value:
            reasons[at] = (f"no {target.column}", "")
        elif name is None or (keep and name not in keep):
            reasons[at] = ("excluded category", f"{target.column} {value}")
    return drop(index, reasons)


def select_classes(index: Index, target: Target, keep: Sequence[str] = ()) -> Labelled:
    """Drop rows without a class (see `drop_unlabelled`) and number the others.

    A class in `keep` must have rows. Other classes without rows are left out. Raises `UserError` if fewer than two
    classes are left.
    """
    left = drop_unlabelled(index, target, keep)
    row_classes = [name for name in index_classes.find_classes(left, target) if name is not None]
    return number_classes(left, row_classes, target, keep, index_classes.class_names(index, target))


def check_kept(target: Target, keep: Sequence[str], names: Sequence[str]) -> None:
    """Raise `UserError` for a name in `keep` that is not in `names`, the target's classes."""
    for name in keep:
        if name not in names:
            raise unknown_name(f"class of target {target.name!r}:", name, names)


def number_classes(
    index: Index, row_classes: Sequence[str], target: Target, keep: Sequence[str], names: Sequence[str]
) -> Labelled:
    """Number the classes of an index's rows, `row_classes`, in the order of `names`; see `select_classes`."""
    counts = Counter(row_classes)
    # All names: a message also lists a class that lost its last row for another reason.
    tally = {name: counts[name] for name in names if not keep or name in keep}
    rows = "rows: " + (", ".join(f"{name} {count}" for name, count in tally.items()) or "none")
    for name in keep:
        if not tally[name]:
            raise UserError(f"class {name!r} of target {target.name!r} has no usable rows in {index.root}; {rows}")
    classes = tuple(name for name, count in tally.items() if count)
    if len(classes) < 2:
        raise UserError(
            f"target {target.name!r} needs usable rows of two classes at least in {index.root}; {rows}; "
            f"`birads-zoo audit` says why rows were dropped"
        )
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in row_classes], dtype=np.int64)
    return Labelled(index=index, labels=labels, classes=classes, target=target)


def summarise(loaded: Index, usable: Index) -> AuditSummary:
    """Count what happened to the rows between `loaded` (as the data set gave them) and `usable`."""
    before = [entry for entry in loaded.audit if entry.action == "dropped"]
    known = loaded.rows["patient_id"]
    assessments = Counter(value for value in loaded.rows["assessment"] if value)
    return AuditSummary(
        rows=len(loaded.rows) + len(before),
        patients=int(known[known != ""].nunique()),
        usable=len(usable.rows),
        by_assessment=dict(sorted(assessments.items())),
        dropped=_count(usable, "dropped"),
        repaired=_count(usable, "repaired"),
        unlisted=_count(usable, "unlisted"),
    )


def entries_frame(index: Index) -> pd.DataFrame:
    """Return the index's audit entries as a table in `ENTRY_COLUMNS`, in the order of their rows."""
    entries = sorted(index.audit, key=lambda entry: entry.row)  # stable: a row's repairs stay before its drop
    return pd.DataFrame([asdict(entry) for entry in entries], columns=list(ENTRY_COLUMNS))


def _count(index: Index, action: str) -> dict[str, int]:
    return dict(Counter(entry.reason for entry in index.audit if entry.action == action).most_common())


def _file_problem(root: Path, path: str) -> tuple[str, str] | None:
    if not path:
        return "no file", "the row names none"
    file = root / path
    try:
        size = file.stat().st_size
    except ValueError:
        return "no file", "no file can have this name"
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        elsewhere = "no such place on this machine: write paths from the root on" if _ABSOLUTE.match(path) else ""
        return ("no file", elsewhere) if missing else ("unreadable file", error.strerror or "")
    if not file.is_file():
        return "no file", f"a {'folder' if file.is_dir() else 'pipe or a device'} has this name"
    if size == 0:
        return "empty file", ""
    return None if os.access(file, os.R_OK) else ("unreadable file", "Permission denied")
