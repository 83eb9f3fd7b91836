"""Writes a leaderboard as an HTML page that opens without a network, and in all its other formats."""

from __future__ import annotations

import base64
from pathlib import Path

from msgspec.structs import asdict

from birads_zoo.evaluation.words import leak_text
from birads_zoo.files import documents, make_folder, write_text
from birads_zoo.report import templates
from birads_zoo.report.study import differences
from birads_zoo.report.study.differences import Difference
from birads_zoo.report.study.figures import draw_study
from birads_zoo.report.study.leaderboard import Leaderboard
from birads_zoo.report.study.rows import SHOWN_AS_NOTES, board_rows, by_fold, facts
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
"""The caption and alternative text of each figure, by file name."""
FILES = (
    *(f"leaderboard.{kind}" for kind in ("json", "md", "csv", "xlsx", "html")),
    *(f"figures/{name}.png" for name in _FIGURES),
)
"""What `write_leaderboard` writes."""


def write_leaderboard(folder: Path, board: Leaderboard) -> None:
    """Write `leaderboard.json`, `.html`, `.csv`, `.md` and `.xlsx`, and `figures/`, into `folder`."""
    figures = make_folder(folder / "figures")
    draw_study(figures, board)
    if board.ablations:
        lines = [
            Difference(name=f"{row.name} ({row.backbone})", estimate=row.effect, p=row.p, verdict=row.verdict)
            for row in board.ablations
        ]
        axis = f"{METRICS.get(board.metric, board.metric)}: right of zero, what was removed helps"
        differences.draw(lines, figures / "ablations.png", "Effects of the ablations", board.basis, axis)
    documents.write(folder / "leaderboard.json", board)
    write_text(folder / "leaderboard.md", to_markdown(board) + "\n")
    write_text(folder / "leaderboard.csv", to_csv(board))
    write_workbook(folder / "leaderboard.xlsx", board)
    write_text(folder / "leaderboard.html", page(board, figures))


def page(board: Leaderboard, figures: Path) -> str:
    """Return the page as HTML with the PNG files of the folder `figures`; every text from outside is escaped."""
    shown = tuple(column for column in columns(board) if column.title not in SHOWN_AS_NOTES)
    return templates.render(
        "leaderboard.html",
        board=board,
        metric=METRICS.get(board.metric, board.metric),
        facts=facts(board),
        columns=shown,
        results=sum(column.low is not None for column in shown),
        rows=board_rows(board, shown),
        by_fold=by_fold(board),
        ranked=any(rank is not None for rank in board.ranks),
        leak=leak_text(board),
        leak_meaning=leak_meaning(board),
        caveats=caveats(board),
        reference_head=REFERENCE_HEAD,
        environment=asdict(board.environment),
        references=reference_rows(board.references),
        figures=[
            (title, base64.b64encode((figures / f"{name}.png").read_bytes()).decode("ascii"))
            for name, title in _FIGURES.items()
            if (figures / f"{name}.png").exists()
        ],
    )
