"""Builds the rows of the leaderboard's page: bars on one scale, ties, notes, and each fold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from birads_zoo.evaluation.words import leak_text
from birads_zoo.report.study.leaderboard import Entry, Leaderboard
from birads_zoo.report.study.table import METRICS, Column
from birads_zoo.results.estimate import Estimate

SHOWN_AS_NOTES = ("best shortcut", "sd over seeds", "sd over folds")
"""Columns that the page shows as notes under the score and the gain."""


def facts(board: Leaderboard) -> tuple[tuple[str, str], ...]:
    """Return names and values for the head of the page, such as the numbers of models, images and patients."""
    seeds = max((len(entry.seeds) for entry in board.entries), default=0)
    failed = sum(bool(entry.error) for entry in board.entries)
    pairs = [
        ("models", f"{len(board.entries)}{f', {failed} failed' if failed else ''}"),
        ("images", str(board.n)),
        ("patients", str(board.patients)),
        ("held out by", f"{board.split}{f' ({leak_text(board)})' if board.leaky else ''}"),
        ("folds × seeds", f"{board.folds} × {seeds}"),
        ("ranked by", METRICS.get(board.metric, board.metric)),
    ]
    if board.smallest_gap is not None:
        pairs.append(("gap that would be shown", f"{board.smallest_gap:.3f}"))
    if board.shortcuts:
        best = max(board.shortcuts, key=lambda name: board.shortcuts[name])
        pairs.append((f"best shortcut: {best.replace('_', ' ')}", f"{board.shortcuts[best]:.3f}"))
    return tuple(pairs)


def board_rows(board: Leaderboard, shown: Sequence[Column]) -> list[dict[str, Any]]:
    """Return one row per model, in the leaderboard's order: its cells in the order of `shown`, or its error.

    A cell has its text, the interval's ends, a sorting key, a bar (ends, value and mark in percent of the column's
    common scale) and a note. Rows of one rank have the same `group`, "odd" or "even" in turn; `opens` is true for the
    first row of a rank. Without ranks, as with one seed, all rows are "odd".
    """
    scales = {column.title: _scale(column, board) for column in shown if column.low}
    rows: list[dict[str, Any]] = []
    ranks = sorted({rank for rank in board.ranks if rank is not None})
    for place, (entry, rank) in enumerate(zip(board.entries, board.ranks, strict=True)):
        if entry.score is None:
            rows.append({"name": entry.name, "error": entry.error or "its score is undefined"})
            continue
        cells = [_cell(column, entry, rank, board, scales.get(column.title)) for column in shown]
        opens = place > 0 and board.ranks[place - 1] != rank
        group = "odd" if rank is None or ranks.index(rank) % 2 == 0 else "even"
        rows.append({"name": entry.name, "error": "", "cells": cells, "group": group, "opens": opens})
    return rows


def by_fold(board: Leaderboard) -> list[dict[str, Any]]:
    """Return each model's seeds, with the scores of their folds and their positions in percent of one common scale."""
    known = [fold.value for entry in board.entries for fold in entry.by_fold if fold.value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    return [
        {
            "name": entry.name,
            "fold_spread": entry.fold_spread,
            "seed_spread": entry.seed_spread,
            "seeds": [
                {
                    "seed": seed,
                    "folds": folds,
                    "dots": [_percent(fold.value, low, high) for fold in folds if fold.value is not None],
                }
                for seed, group in groupby(entry.by_fold, key=lambda fold: fold.seed)
                if (folds := list(group))
            ],
        }
        for entry in board.entries
        if entry.by_fold
    ]


def _cell(
    column: Column, entry: Entry, rank: int | None, board: Leaderboard, scale: tuple[float, float] | None
) -> dict[str, Any]:
    value, text = column.value(entry, rank), column.text(entry, rank)
    number, bracket, ends = text.partition(" [")
    cell = {"text": text, "ends": "", "key": "" if value is None else value, "bar": None, "note": ""}
    if column.low is None:
        return cell | {"note": _tied(entry, rank, board) if column.title == "rank" else ""}
    cell |= {"text": number, "ends": bracket.strip() + ends, "note": _note(column, entry, board)}
    low, high = column.low(entry), column.high(entry) if column.high else None
    if scale is None or low is None or high is None or not isinstance(value, float):
        return cell
    mark = 0.0 if _is_gain(column) else _mark(column, board)
    return cell | {
        "bar": {
            "low": _percent(low, *scale),
            "high": _percent(high, *scale),
            "value": _percent(value, *scale),
            "mark": -100.0 if mark is None else _percent(mark, *scale),
            "kind": " ".join(filter(None, ("mark" if mark is not None else "", _tone(column, low, high)))),
        }
    }


def _is_gain(column: Column) -> bool:
    return column.title.startswith("gain")


def _tone(column: Column, low: float, high: float) -> str:
    if not _is_gain(column):
        return ""
    return "below" if high < 0 else "unclear" if low <= 0 else ""


def _mark(column: Column, board: Leaderboard) -> float | None:
    """Return the best shortcut's score if the column has the metric by which models are ranked."""
    ranked_by = column.title == METRICS.get(board.metric, board.metric)
    return max(board.shortcuts.values()) if ranked_by and board.shortcuts else None


def _scale(column: Column, board: Leaderboard) -> tuple[float, float] | None:
    ends = [end(entry) for end in (column.low, column.high) if end for entry in board.entries if not entry.error]
    known = [end for end in ends if end is not None]
    mark = 0.0 if _is_gain(column) else _mark(column, board)
    known += [] if mark is None else [mark]
    return (min(known), max(known)) if known else None


def _percent(value: float, low: float, high: float) -> float:
    return 50.0 if high <= low else 4 + 92 * (value - low) / (high - low)


def _tied(entry: Entry, rank: int | None, board: Leaderboard) -> str:
    if rank is None:
        return ""
    others = [
        other
        for other, its_rank in zip(board.entries, board.ranks, strict=True)
        if its_rank == rank and other is not entry
    ]
    return f"tie of {len(others) + 1}" if others else ""


def _note(column: Column, entry: Entry, board: Leaderboard) -> str:
    if _is_gain(column):
        over = entry.best_shortcut.replace("_", " ")
        return f"over {over}{_meaning(entry.gain)}" if over else ""
    if column.title != METRICS.get(board.metric, board.metric):
        return ""
    spreads = (("seeds", entry.seed_spread), ("folds", entry.fold_spread))
    texts = [f"{spread:.3f} over {name}" for name, spread in spreads if spread is not None]
    return f"sd {', '.join(texts)}" if texts else ""


def _meaning(gain: Estimate | None) -> str:
    if gain is None or gain.low > 0:
        return ""
    return ": below it" if gain.high < 0 else ": not shown"
