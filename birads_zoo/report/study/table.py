"""Builds a leaderboard's columns and sentences for every format: the page, the workbook, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from birads_zoo.evaluation.few import is_few
from birads_zoo.evaluation.statistics.comparison import ONE_SEED
from birads_zoo.evaluation.statistics.intervals import FEW
from birads_zoo.evaluation.words import leak_text
from birads_zoo.files.csv_files import csv_text
from birads_zoo.recipes.registry import Reference
from birads_zoo.report.study.leaderboard import Entry, Leaderboard
from birads_zoo.results.estimate import Estimate

METRICS = {
    "macro_f1": "macro-F1",
    "macro_auroc": "ROC-AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "kappa_quadratic": "quadratic kappa",
}
"""Names of the metrics that a study can rank by; a metric not listed has its own name."""

Cell = float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its title and unit, its number format, and functions that return an entry's value and interval."""

    title: str
    value: Callable[[Entry, int | None], Cell]
    unit: str = ""
    form: str = ""  # of Python's format(), for numbers
    scale: float = 1.0  # the number shown is the value divided by this
    low: Callable[[Entry], float | None] | None = None
    high: Callable[[Entry], float | None] | None = None

    @property
    def head(self) -> str:
        """Return the title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, entry: Entry, rank: int | None) -> str:
        """Return the cell as text: a number with its interval, or "–" if unknown."""
        value = self.value(entry, rank)
        if value is None:
            return "–"
        if isinstance(value, str):
            return value
        number = _number(value / self.scale, self.form)
        low, high = self.low(entry) if self.low else None, self.high(entry) if self.high else None
        if low is None or high is None:
            return number
        return f"{number} [{_number(low / self.scale, self.form)}, {_number(high / self.scale, self.form)}]"


def _number(number: float, form: str) -> str:
    """Return a number in the format `form`, with a true minus sign, and without one before 0."""
    return format(number, form.replace(".", "z.", 1)).replace("-", "−")


def columns(board: Leaderboard) -> tuple[Column, ...]:
    """Return the columns, in order; without energy if no device measured it."""
    metric = METRICS.get(board.metric, board.metric)
    shown = [
        Column(title="rank", value=lambda entry, rank: rank, form=".0f"),
        Column(title="model", value=lambda entry, rank: entry.name),
        _estimated(metric, lambda entry: entry.score, ".3f"),
        _estimated("gain over the best shortcut", lambda entry: entry.gain, "+.3f"),
        Column(title="best shortcut", value=lambda entry, rank: entry.best_shortcut.replace("_", " ") or None),
        Column(title="sd over seeds", value=lambda entry, rank: entry.seed_spread, form=".3f"),
        Column(title="sd over folds", value=lambda entry, rank: entry.fold_spread, form=".3f"),
        Column(title="backbone", value=lambda entry, rank: entry.start or None),
        Column(title="parameters", value=lambda entry, rank: entry.parameters, unit="million", form=".3g", scale=1e6),
        Column(title="FLOPs", value=lambda entry, rank: entry.flops, unit="10⁹ an image", form=".3g", scale=1e9),
        Column(title="training", value=lambda entry, rank: entry.train_rate, unit="images/s", form=".1f"),
        Column(title="prediction", value=lambda entry, rank: entry.predict_rate, unit="images/s", form=".1f"),
        Column(title="peak memory", value=lambda entry, rank: entry.peak_memory, unit="GiB", form=".2f", scale=2**30),
        Column(title="a run", value=lambda entry, rank: entry.seconds, unit="minutes", form=".1f", scale=60),
    ]
    if board.metric != "macro_auroc":
        shown.insert(3, _estimated("ROC-AUC", lambda entry: entry.auroc, ".3f"))
    if any(entry.energy is not None for entry in board.entries):
        shown.append(
            Column(title="energy", value=lambda entry, rank: entry.energy, unit="kJ a run", form=".1f", scale=1e3)
        )
    return tuple(shown)


def _estimated(title: str, of: Callable[[Entry], Estimate | None], form: str) -> Column:
    def part(name: str) -> Callable[[Entry], float | None]:
        return lambda entry: None if (estimate := of(entry)) is None else float(getattr(estimate, name))

    value, low, high = part("value"), part("low"), part("high")
    return Column(title=title, value=lambda entry, rank: value(entry), form=form, low=low, high=high)


def caveats(board: Leaderboard) -> tuple[str, ...]:
    """Return sentences on what the ranking is based on, and what it cannot show."""
    metric = METRICS.get(board.metric, board.metric)
    sentences = [f"Sorted by {metric}, with 95 % intervals over patients and, if several, seeds."]
    if any(rank is not None for rank in board.ranks):
        sentences[0] += (
            " Models share a rank where paired tests, clustered by patient and corrected by Holm's procedure, show no"
            " difference."
        )
    if board.smallest_gap is not None:
        sentences.append(
            f"A true gap of {board.smallest_gap:.3f} would be shown four times in five (a pair tested alone, at 5 %)."
            " A smaller gap can exist without being shown: an equal rank does not mean that two models are equal."
        )
    if max((len(entry.seeds) for entry in board.entries), default=0) == 1:
        sentences.append(ONE_SEED)
    if board.shortcuts:
        best = max(board.shortcuts, key=lambda name: board.shortcuts[name])
        sentences.append(
            f"The best shortcut, {best.replace('_', ' ')}, reaches {board.shortcuts[best]:.3f} without looking at the"
            " breast. A model's gain is its score less that."
        )
    if few := few_patients(board):
        sentences.append(
            f"Fewer than {FEW} patients: {few}. Intervals of such a class's scores and of macro averages hold the truth"
            " less often than 95 times in 100."
        )
    if few := few_pairs(board):
        sentences.append(
            f"Too few pairs for a ROC-AUC: {few}. An area of so few cannot tell a good model from a poor one."
        )
    if any(entry.start.endswith(", frozen") for entry in board.entries):
        sentences.append(
            "The features of a fully frozen backbone are computed only once unless its pictures are augmented. Its"
            " training rate is then that of the head."
        )
    if board.leaky:
        sentences.append(f"This split {leak_text(board)}. {leak_meaning(board)}")
    sentences.append("All results are from one data set. Research software: nothing here is a diagnosis.")
    return tuple(sentences)


def leak_meaning(board: Leaderboard) -> str:
    """Return a sentence on what a leaky split means for its scores."""
    if board.leak_proven:
        return "Images of one patient are on both sides of it: its scores say little about new patients."
    return (
        "Rows without a patient id may be of patients on both sides of it: then its scores say little about new"
        " patients."
    )


def few_patients(board: Leaderboard) -> str:
    """Return the classes with fewer than `FEW` patients, and their numbers; "" if there are none."""
    classes = next((entry.per_class for entry in board.entries if entry.per_class), ())
    return ", ".join(f"{row.name} ({row.patients})" for row in classes if row.patients < FEW)


def few_pairs(board: Leaderboard) -> str:
    """Return the classes whose ROC-AUC rests on too few pairs, and their numbers; "" if there are none."""
    classes = next((entry.per_class for entry in board.entries if entry.per_class), ())
    return ", ".join(f"{row.name} ({row.basis.text})" for row in classes if row.basis is not None and is_few(row.basis))


def reference_rows(references: Sequence[Reference]) -> list[tuple[str, ...]]:
    """Return the results reported by others: network, accuracy, macro-F1, split and whether it leaks, source, note."""
    return [
        (
            reference.network,
            "–" if reference.accuracy is None else f"{reference.accuracy:.3g}",
            "–" if reference.macro_f1 is None else f"{reference.macro_f1:.3g}",
            f"by {reference.split}{', leaks patients' if reference.split != 'patient' else ''}",
            reference.source,
            reference.note,
        )
        for reference in references
    ]


REFERENCE_HEAD = ("network", "accuracy", "macro-F1", "split", "source", "note")


def to_markdown(board: Leaderboard) -> str:
    """Return the leaderboard as Markdown: the table, the shortcuts, the caveats, and results reported by others."""
    shown = columns(board)
    lines = [f"# {board.title}", "", board.basis, "", _row([column.head for column in shown]), _rule(len(shown))]
    for entry, rank in zip(board.entries, board.ranks, strict=True):
        if entry.error:
            lines.append(_row(["–", entry.name, f"failed: {entry.error}", *[""] * (len(shown) - 3)]))
        else:
            lines.append(_row([column.text(entry, rank) for column in shown]))
    metric = METRICS.get(board.metric, board.metric)
    if board.shortcuts:
        lines += ["", _row(["shortcut", metric]), _rule(2)]
        lines += [_row([name.replace("_", " "), _number(value, ".3f")]) for name, value in board.shortcuts.items()]
    lines += _fold_lines(board, metric)
    lines += ["", *(f"- {sentence}" for sentence in caveats(board))]
    if board.references:
        lines += ["", "Reported by others, on leaky splits of other data: not comparable.", ""]
        lines += [_row(REFERENCE_HEAD), _rule(len(REFERENCE_HEAD))]
        lines += [_row(row) for row in reference_rows(board.references)]
    return "\n".join([*lines, "", f"`{board.command}`"])


def _fold_lines(board: Leaderboard, metric: str) -> list[str]:
    """Return a Markdown table with one line per model and seed: each fold's score and number of rows."""
    head = ["", _row(["model", "seed", f"{metric} of each fold (n)"]), _rule(3)]
    lines = []
    for entry in board.entries:
        for seed in dict.fromkeys(fold.seed for fold in entry.by_fold):
            folds = [fold for fold in entry.by_fold if fold.seed == seed]
            cells = [f"{'–' if fold.value is None else _number(fold.value, '.3f')} ({fold.n})" for fold in folds]
            lines.append(_row([entry.name, str(seed), " · ".join(cells)]))
    return [*head, *lines] if lines else []


def to_csv(board: Leaderboard) -> str:
    """Return the leaderboard as CSV: plain numbers, with own columns for an interval's ends, and the error last."""
    shown = columns(board)
    head: list[str] = []
    for column in shown:
        head += [column.head, f"{column.title}, low", f"{column.title}, high"] if column.low else [column.head]
    rows: list[Sequence[Cell]] = [(*head, "n", "patients", "split", "folds", "seeds", "error")]
    for entry, rank in zip(board.entries, board.ranks, strict=True):
        cells: list[Cell] = []
        for column in shown:
            ends = [end(entry) for end in (column.low, column.high) if end]
            cells += [_scaled(cell, column.scale) for cell in (column.value(entry, rank), *ends)]
        rows.append((*cells, board.n, board.patients, board.split, board.folds, len(entry.seeds), entry.error))
    return csv_text(rows)


def _scaled(value: Cell, scale: float) -> Cell:
    return value / scale if isinstance(value, int | float) and scale != 1 else value


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _rule(count: int) -> str:
    return "| " + " | ".join(["---"] * count) + " |"
