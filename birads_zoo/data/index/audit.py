"""The audit: which rows of an index can be used, and for each other one the reason why not.

Every step takes an index and returns a smaller one; nothing is lost in silence. The last one numbers the classes.
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
from birads_zoo.data.index import classes as classes_room
from birads_zoo.data.picture import GreyArray, ImageError
from birads_zoo.errors import UserError, unknown_name
from birads_zoo.interfaces import AuditEntry, DatasetSpec, Index, Target

ENTRY_COLUMNS = ("row", "image_path", "patient_id", "action", "reason", "detail")
"""The columns of `audit.csv`."""

Reasons = dict[int, tuple[str, str]]
"""Row position → (reason, detail)."""

T = TypeVar("T")

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
_SAID = ("assessment", "label", "density")  # what two rows of one picture may not disagree about


@dataclass(frozen=True, kw_only=True)
class AuditSummary:
    """What an audit counted: all rows and patients, and rows by assessment, before any was dropped.

    `usable` rows and those of `dropped` add up to `rows`; `repaired` counts repairs, of which a row can have many, and
    `unlisted` pictures that no row names.
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
    gone = index.rows.iloc[positions]
    entries = tuple(
        AuditEntry(row=int(row), image_path=path, patient_id=patient, action="dropped", reason=reason, detail=detail)
        for row, path, patient, (reason, detail) in zip(
            gone["row"], gone["image_path"], gone["patient_id"], (reasons[at] for at in positions), strict=True
        )
    )
    left = index.rows.drop(index=index.rows.index[positions]).reset_index(drop=True)
    return replace(index, rows=left, audit=index.audit + entries)


def check_rows(index: Index) -> Index:
    """Drop rows that name one picture more than once.

    Where they agree the one that says most stays, the first of them at a tie, and the others are a "duplicate path".
    Where they disagree about what the picture shows ("label conflict") or whose it is ("patient conflict"), nobody
    can say which is right: all go. A blank disagrees with nothing.
    """
    reasons: Reasons = {}
    rows = index.rows
    named = rows[rows["image_path"] != ""]
    for path, group in named[named["image_path"].duplicated(keep=False)].groupby("image_path", sort=False):
        numbers = ", ".join(str(number) for number in group["row"])
        told = group[[*_SAID, "patient_id"]].where(lambda said: said != "")
        clashes = [column for column in told if told[column].nunique() > 1]
        if clashes:
            reason = "patient conflict" if clashes == ["patient_id"] else "label conflict"
            said = "; ".join(f"{column} {' or '.join(map(repr, told[column].dropna().unique()))}" for column in clashes)
            reasons |= {int(at): (reason, f"rows {numbers}: {said}") for at in group.index}
        else:
            kept = int(told.notna().sum(axis=1).argmax())
            detail = f"row {group['row'].iloc[kept]} names {path} already"
            reasons |= {int(at): ("duplicate path", detail) for at in np.delete(group.index.to_numpy(), kept)}
    return drop(index, reasons)


def check_files(index: Index) -> Index:
    """Drop rows whose file is missing, empty or may not be read; looks at the folder only, not into the files."""
    reasons: Reasons = {}
    for at, path in enumerate(index.rows["image_path"]):
        found = _file_trouble(index.root, path)
        if found:
            reasons[at] = found
    return drop(index, reasons)


def check_decodes(
    index: Index, look: Callable[[GreyArray], T], on_progress: Callable[[int, int], None] | None = None
) -> tuple[Index, tuple[T, ...]]:
    """Drop rows whose picture does not decode whole, or is too small or too large to be a mammogram.

    Reads every picture, in threads, and returns what `look` saw in each of those that are left, in their order;
    `on_progress(done, total)` is called after each.
    """

    def see(file: Path) -> tuple[str, str] | list[T]:
        try:
            return [look(read_image(file))]
        except ImageError as error:
            return error.reason, error.detail

    files = [index.root / path for path in index.rows["image_path"]]
    reasons: Reasons = {}
    seen: list[T] = []
    # Pillow decodes without holding the interpreter's lock; more threads than cores would only hold more pictures.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        for at, found in enumerate(threads.map(see, files)):
            if isinstance(found, tuple):
                reasons[at] = found
            else:
                seen += found
            if on_progress:
                on_progress(at + 1, len(files))
    return drop(index, reasons), tuple(seen)


def choose_target(spec: DatasetSpec, name: str, index: Index) -> Target:
    """Return the data set's target of that name; for "" the first of which `index` holds values, else the first.

    Raises `UserError` with the nearest names for an unknown one.
    """
    if not name:
        told = (t for t in spec.targets if t.column in index.rows and any(classes_room.values(index, t)))
        return next(told, spec.targets[0])
    targets = {target.name: target for target in spec.targets}
    if name not in targets:
        raise unknown_name(f"target of data set {spec.name!r}:", name, targets)
    return targets[name]


def drop_unlabelled(index: Index, target: Target, keep: Sequence[str] = ()) -> Index:
    """Drop rows without a value in the target's column ("no assessment", …) and those of no class that is kept.

    The latter are an "excluded category". `keep` names the classes to keep; () keeps all. Raises `UserError` for
    a name that is no class of the target.
    """
    check_kept(target, keep, classes_room.class_names(index, target))
    reasons: Reasons = {}
    found = classes_room.find_classes(index, target)
    for at, (value, of) in enumerate(zip(classes_room.values(index, target), found, strict=True)):
        if not value:
            reasons[at] = (f"no {target.column}", "")
        elif of is None or (keep and of not in keep):
            reasons[at] = ("excluded category", f"{target.column} {value}")
    return drop(index, reasons)


def select_classes(index: Index, target: Target, keep: Sequence[str] = ()) -> Labelled:
    """Drop rows without a class (see `drop_unlabelled`) and number the others.

    A class that the user named in `keep` must have rows; of the others those without rows are left out. Raises
    `UserError` where fewer than two classes are left.
    """
    left = drop_unlabelled(index, target, keep)
    found = [name for name in classes_room.find_classes(left, target) if name is not None]
    return number_classes(left, found, target, keep, classes_room.class_names(index, target))


def check_kept(target: Target, keep: Sequence[str], names: Sequence[str]) -> None:
    """Raise `UserError` for a name in `keep` that is none of the target's class `names`."""
    for name in keep:
        if name not in names:
            raise unknown_name(f"class of target {target.name!r}:", name, names)


def number_classes(
    index: Index, found: Sequence[str], target: Target, keep: Sequence[str], names: Sequence[str]
) -> Labelled:
    """Number the classes that were `found` of an index's rows, in the order of `names`; see `select_classes`."""
    counts = Counter(found)
    # All names: a class that lost its last row to another reason is still worth naming.
    tally = {name: counts[name] for name in names if not keep or name in keep}
    said = "rows: " + (", ".join(f"{name} {count}" for name, count in tally.items()) or "none")
    for name in keep:
        if not tally[name]:
            raise UserError(f"class {name!r} of target {target.name!r} has no usable rows in {index.root}; {said}")
    classes = tuple(name for name, count in tally.items() if count)
    if len(classes) < 2:
        raise UserError(
            f"target {target.name!r} needs usable rows of two classes at least in {index.root}; {said}; "
            f"`birads-zoo audit` says why rows were dropped"
        )
    number = {name: at for at, name in enumerate(classes)}
    labels = np.array([number[name] for name in found], dtype=np.int64)
    return Labelled(index=index, labels=labels, classes=classes, target=target)


def summarise(loaded: Index, usable: Index) -> AuditSummary:
    """Count what became of the rows of `loaded` (fresh from the data set) on their way to `usable`."""
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
    entries = sorted(index.audit, key=lambda entry: entry.row)  # stable: a row's repairs stay before its end
    return pd.DataFrame([asdict(entry) for entry in entries], columns=list(ENTRY_COLUMNS))


def _count(index: Index, action: str) -> dict[str, int]:
    return dict(Counter(entry.reason for entry in index.audit if entry.action == action).most_common())


def _file_trouble(root: Path, path: str) -> tuple[str, str] | None:
    if not path:
        return "no file", "the row names none"
    file = root / path
    try:
        size = file.stat().st_size
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        elsewhere = "no such place on this machine: write paths from the root on" if _ABSOLUTE.match(path) else ""
        return ("no file", elsewhere) if missing else ("unreadable file", error.strerror or "")
    if not file.is_file():
        return "no file", "a folder of this name lies there"
    if size == 0:
        return "empty file", ""
    return None if os.access(file, os.R_OK) else ("unreadable file", "Permission denied")
