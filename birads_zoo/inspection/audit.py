"""Audits a data set: which rows are usable, and which problems its labels and files have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.index.audit import (
    AuditSummary,
    check_decodes,
    check_files,
    check_rows,
    choose_target,
    drop_unlabelled,
    entries_frame,
    summarise,
)
from birads_zoo.data.index.classes import class_names, closed
from birads_zoo.data.index.load import load_index
from birads_zoo.data.index.samples import find_samples
from birads_zoo.data.index.view_names import WHOLE
from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import Breast, find_breast
from birads_zoo.inspection.breasts import BreastPicture, join_breasts
from birads_zoo.inspection.copies.fingerprints import Fingerprint, fingerprint
from birads_zoo.inspection.finding import Finding
from birads_zoo.inspection.findings import find
from birads_zoo.inspection.formats.probing import probe_geometries
from birads_zoo.inspection.inspect import Inspection, inspect
from birads_zoo.interfaces import Index
from birads_zoo.progress import Screen
from birads_zoo.recipe import DatasetSection, ImageSection, SplitSection
from birads_zoo.shortcuts.sheet import sheet_shortcuts

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit:
    """The result of an audit.

    `summary` counts rows by what became of them. `classes` counts the samples of each class of `target`: the usable
    rows if labels are of pictures, and at the `level` "breast" or "patient" the breasts or exams that these make.
    `findings` are sentences about the `inspection`, which is of rows at any level. `seen` has each picture that
    decodes, with the breast that was detected in it. `shortcuts` has the macro-F1 of each shortcut that needs no
    pixels, by name, on such samples; `None` unless a split was given. `probe` says how well pixels predict the file
    format; `None` unless requested.
    """

    dataset: str
    target: str
    summary: AuditSummary
    classes: Mapping[str, int]
    level: str
    findings: tuple[Finding, ...]
    inspection: Inspection
    seen: tuple[BreastPicture, ...]
    shortcuts: Mapping[str, float] | None
    probe: Mapping[str, Any] | None
    index: Index

    @property
    def root(self) -> Path:
        """The folder of the data set."""
        return self.index.root

    @property
    def entries(self) -> pd.DataFrame:
        """One row for each dropped row and each repair, as in `audit.csv`."""
        return entries_frame(self.index)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as dicts, lists and scalars, as `birads-zoo audit --json` prints it."""
        values = asdict(self.summary) | {"target": self.target, "level": self.level, "classes": dict(self.classes)}
        if self.shortcuts is not None:
            values["shortcuts"] = dict(self.shortcuts)
        if self.probe is not None:
            values["probe"] = dict(self.probe)
        return values | {
            "findings": [asdict(finding) for finding in self.findings],
            "inspection": asdict(self.inspection),
        }

    def __repr__(self) -> str:
        warnings = sum(finding.severity == "warning" for finding in self.findings)
        counts = f"{self.summary.usable} of {self.summary.rows} rows usable, {warnings} warnings"
        return f"<Audit of {self.dataset} in {self.root}: {counts}>"


def audit(
    section: DatasetSection, host: Host, screen: Screen, *, split: SplitSection | None, seed: int, probe: bool
) -> Audit:
    """Decode every picture of a data set at full size, and compare it with all others.

    With a `split`, also score the shortcuts that need no pixels, on all rows of the table, including rows whose files
    are absent. `probe` trains a small network to predict the file format.

    Raises:
        UserError: for an unknown or unreadable data set or target, and for rows that cannot be split in this way.

    """
    loaded = load_index(section, host)
    target = closed(choose_target(host.dataset(section.name), section.target, loaded), loaded)
    target = replace(target, level=section.level or target.level)
    single = check_rows(loaded)
    present = check_files(single)
    with screen.bar("decoding", len(present.rows)) as show:
        decoded, measured = check_decodes(present, _measure, lambda done, _: show(done, ""))
    seen = join_breasts(decoded, [(size, breast) for _, size, breast in measured])
    samples = find_samples(decoded, loaded, target, section.classes, WHOLE[target.level])
    counts = Counter(samples.classes)
    labelled = drop_unlabelled(single, target, section.classes)
    inspection = inspect(labelled, decoded, [digest for digest, _, _ in measured], seen, target)
    return Audit(
        dataset=section.name,
        target=target.name,
        summary=summarise(loaded, samples.used),
        classes={name: counts[name] for name in class_names(loaded, target)},
        level=target.level,
        findings=find(inspection),
        inspection=inspection,
        seen=seen,
        shortcuts=None if split is None else sheet_shortcuts(single, target, section.classes, split, seed),
        probe=probe_geometries(samples.used, ImageSection(), cache_root(), seed) if probe else None,
        index=samples.used,
    )


def _measure(pixels: GreyArray) -> tuple[Fingerprint, tuple[int, int], Breast]:
    height, width = pixels.shape
    return fingerprint(pixels), (height, width), find_breast(pixels)
