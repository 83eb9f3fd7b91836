"""A leaderboard as a page that opens without a network, and all its other forms beside it."""

from __future__ import annotations

import base64
from pathlib import Path

from msgspec.structs import asdict

from birads_zoo import documents
from birads_zoo.evaluation.words import leak_text
from birads_zoo.files import make_folder, write_text
from birads_zoo.report import templates
from birads_zoo.report.study import differences
from birads_zoo.report.study.differences import Difference
from birads_zoo.report.study.figures import draw_study
from birads_zoo.report.study.leaderboard import Leaderboard
from birads_zoo.report.study.rows import TOLD_BELOW, board_rows, by_fold, facts
from birads_zoo.report.study.table import (
    METRICS,
    REFERENCE_HEAD,
    caveats,
    columns,
    leak_meaning,
    reference_rows,
    to_csv,
    to_markdown,
)
from birads_zoo.report.study.workbook import write_workbook

_FIGURES = {
    "scores": "Score of each model with its 95 % interval",
    "cost": "Score against cost",
    "per-class": "F1 by class",
    "pairs": "Which models differ",
    "ablations": "Effects of the ablations",
}
"""By file name: what a figure shows, for those who cannot see it."""


def write_leaderboard(folder: Path, found: Leaderboard) -> None:
    """Write `leaderboard.json`, `.html`, `.csv`, `.md` and `.xlsx`, and `figures/`, into `folder`."""
    figures = make_folder(folder / "figures")
    draw_study(figures, found)
    if found.ablations:
        lines = [
            Difference(name=f"{one.name} ({one.backbone})", estimate=one.effect, p=one.p, verdict=one.verdict)
            for one in found.ablations
        ]
        axis = f"{METRICS.get(found.metric, found.metric)}: right of zero, what was removed helps"
        differences.draw(lines, figures / "ablations.png", "Effects of the ablations", found.basis, axis)
    documents.write(folder / "leaderboard.json", found)
    write_text(folder / "leaderboard.md", to_markdown(found) + "\n")
    write_text(folder / "leaderboard.csv", to_csv(found))
    write_workbook(folder / "leaderboard.xlsx", found)
    write_text(folder / "leaderboard.html", page(found, figures))


def page(found: Leaderboard, figures: Path) -> str:
    """Return the page as HTML, the PNG files of `figures` inside it; every text from outside is escaped."""
    shown = tuple(column for column in columns(found) if column.title not in TOLD_BELOW)
    return templates.render(
        "leaderboard.html",
        found=found,
        metric=METRICS.get(found.metric, found.metric),
        facts=facts(found),
        columns=shown,
        results=sum(column.low is not None for column in shown),
        rows=board_rows(found, shown),
        by_fold=by_fold(found),
        ranked=any(rank is not None for rank in found.ranks),
        leak=leak_text(found),
        leak_meaning=leak_meaning(found),
        caveats=caveats(found),
        reference_head=REFERENCE_HEAD,
        environment=asdict(found.environment),
        references=reference_rows(found.references),
        figures=[
            (said, base64.b64encode((figures / f"{name}.png").read_bytes()).decode("ascii"))
            for name, said in _FIGURES.items()
            if (figures / f"{name}.png").exists()
        ],
    )
