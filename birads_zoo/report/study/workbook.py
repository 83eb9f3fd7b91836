"""Writes a leaderboard as an Excel workbook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from birads_zoo.files import whole_file
from birads_zoo.report.study.leaderboard import Leaderboard
from birads_zoo.report.study.table import METRICS, REFERENCE_HEAD, Cell, caveats, columns, reference_rows

_HEAD = PatternFill("solid", fgColor="1C2733")
_WHITE = Font(bold=True, color="FFFFFF")
_WIDEST = 60  # characters


def write_workbook(path: Path, board: Leaderboard) -> None:
    """Write the sheets leaderboard, per class, by fold, ablations, reported and environment, each with a frozen header.

    Numbers are stored as numbers with a format, and an interval's ends have their own columns. Text stays text, even if
    it begins like a formula.
    """
    book = Workbook()
    book.remove(book.active)
    _leaderboard(book, board)
    _sheet(
        book,
        "per class",
        ("model", "class", "F1", "ROC-AUC", "images", "patients"),
        [
            (entry.name, scores.name, scores.f1, scores.auroc, scores.n, scores.patients)
            for entry in board.entries
            for scores in entry.per_class
        ],
        {2: "0.000", 3: "0.000"},
    )
    metric = METRICS.get(board.metric, board.metric)
    _sheet(
        book,
        "by fold",
        ("model", "seed", "fold", metric, "images"),
        [(entry.name, fold.seed, fold.fold, fold.value, fold.n) for entry in board.entries for fold in entry.by_fold],
        {3: "0.000"},
    )
    _sheet(
        book,
        "ablations",
        ("ablation", "backbone", "effect", "low", "high", "p, corrected", "verdict"),
        [
            (
                row.name,
                row.backbone,
                *((None,) * 3 if row.effect is None else (row.effect.value, row.effect.low, row.effect.high)),
                row.p,
                row.verdict,
            )
            for row in board.ablations
        ],
        dict.fromkeys((2, 3, 4, 5), "0.000"),
    )
    _sheet(book, "reported", REFERENCE_HEAD, reference_rows(board.references), {})
    about = {"basis": board.basis, "command": board.command} | asdict(board.environment)
    _sheet(book, "environment", ("key", "value"), list(_flat(about)), {})
    with whole_file(path) as temporary:
        book.save(temporary)


def _leaderboard(book: Workbook, board: Leaderboard) -> None:
    head: list[str] = []
    formats: dict[int, str] = {}
    shown = columns(board)
    for column in shown:
        titles = [column.head, f"{column.title}, low", f"{column.title}, high"] if column.low else [column.head]
        formats |= dict.fromkeys(range(len(head), len(head) + len(titles)), _excel_format(column.form))
        head += titles
    rows: list[Sequence[Cell]] = []
    for entry, rank in zip(board.entries, board.ranks, strict=True):
        cells: list[Cell] = []
        for column in shown:
            values = [column.value(entry, rank), *(end(entry) for end in (column.low, column.high) if end)]
            cells += [value / column.scale if isinstance(value, int | float) else value for value in values]
        rows.append([*cells, entry.error or None])
    sheet = _sheet(book, "leaderboard", [*head, "error"], rows, formats)
    sheet.append([])
    for sentence in (board.basis, *caveats(board)):
        sheet.append([sentence])


def _excel_format(form: str) -> str:
    """Return the Excel format for a Python format: ".3f" becomes "0.000"."""
    if not form or form.endswith("g"):  # Excel has no format for significant digits
        return "General"
    digits = int(form.strip("+f").removeprefix("."))
    places = "0." + "0" * digits if digits else "0"
    return f"+{places};-{places}" if form.startswith("+") else places


def _sheet(
    book: Workbook, title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]], formats: Mapping[int, str]
) -> Worksheet:
    sheet: Worksheet = book.create_sheet(title)
    sheet.append(list(head))
    for cell in sheet[1]:
        cell.font, cell.fill = _WHITE, _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for number, row in enumerate(rows, start=2):
        for place, value in enumerate(row):
            cell = sheet.cell(number, place + 1)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a name that begins with = is no formula
            elif value is not None:
                cell.number_format = formats.get(place, "General")
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(head))}{len(rows) + 1}"
    for place, name in enumerate(head):
        texts = [cell for row in rows if isinstance(cell := row[place], str)]
        longest = max(*(len(text) for text in texts), min(len(name), 14), 9)
        sheet.column_dimensions[get_column_letter(place + 1)].width = min(longest, _WIDEST) + 2
    return sheet


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{key}.")
        else:
            flat.append((prefix + key, value if isinstance(value, str) else json.dumps(value)))
    return flat
