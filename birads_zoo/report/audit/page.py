"""Writes an audit as an HTML page that opens without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from birads_zoo.data.index.audit import AuditSummary
from birads_zoo.files import write_text
from birads_zoo.files.abandoned import temporary_folder
from birads_zoo.inspection.finding import Finding
from birads_zoo.inspection.inspect import Inspection
from birads_zoo.report import templates
from birads_zoo.report.audit.figures import draw_audit

_MOST_DUPLICATES = 200  # lines in their table
_FIGURES = {
    "missed": "Chance that a random test set misses a class",
    "sides": "How often both breasts have the same class",
    "several": "Patients with several classes",
    "sizes": "Picture sizes by class",
    "years": "Years by class",
    "copies": "Pictures that occur more than once",
}
"""The alternative text of each figure, by file name."""


def write_audit_page(
    path: Path,
    title: str,
    root: Path,
    summary: AuditSummary,
    inspection: Inspection,
    findings: Sequence[Finding],
    shortcuts: Mapping[str, float],
    split: str,
) -> None:
    """Write the page to `path`: findings, tables and figures in one file; every text from outside is escaped.

    The pictures of duplicates are read from the folder `root`. `shortcuts` has each shortcut's macro-F1 under `split`;
    it may be empty.
    """
    with temporary_folder("audit") as folder:
        draw_audit(folder, inspection, root)
        drawn = {
            name: base64.b64encode((folder / f"{name}.png").read_bytes()).decode("ascii")
            for name in _FIGURES
            if (folder / f"{name}.png").exists()
        }
    page = templates.render(
        "audit.html",
        title=title,
        summary=summary,
        inspection=inspection,
        findings=findings,
        shortcuts=shortcuts,
        split=split,
        figures=drawn,
        alts=_FIGURES,
        most_duplicates=_MOST_DUPLICATES,
    )
    write_text(path, page)
