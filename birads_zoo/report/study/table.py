"""A leaderboard's columns and its words, for every format: the page, the workbook, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from birads_zoo.evaluation.few import is_few
from birads_zoo.evaluation.statistics.comparison import ONE_SEED
from birads_zoo.evaluation.statistics.intervals import FEW
from birads_zoo.evaluation.words import leak_text
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
"""What people call the metrics that a study can rank by; others keep their own name."""

Cell = float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its title, its unit, how a number is written in it, and an entry's value there."""

    title: str
    value: Callable[[Entry, int | None], Cell]
    unit: str = ""
    form: str = ""  # of Python's format(), for numbers
    scale: float = 1.0  # a shown number is the value divided by this
    low: Callable[[Entry], float | None] | None = None
    high: Callable[[Entry], float | None] | None = None

    @property
    def head(self) -> str:
        """Return the title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, entry: Entry, rank: int | None) -> str:
        """Return the cell in words: a number with its interval, "–" for what is unknown."""
        value = self.value(entry, rank)
        if value is None:
            return "–"
        if isinstance(value, str):
            return value
        said = _said(value / self.scale, self.form)
        low, high = self.low(entry) if self.low else None, self.high(entry) if self.high else None
        if low is None or high is None:
            return said
        return f"{said} [{_said(low / self.scale, self.form)}, {_said(high / self.scale, self.form)}]"


def _said(number: float, form: str) -> str:
    """Return a number as `form` has it, with a minus that is no hyphen, and none before a 0."""
    return format(number, form.replace(".", "z.", 1)).replace("-", "−")


def columns(found: Leaderboard) -> tuple[Column, ...]:
    """Return the columns, in order. Energy is left out where no device told it."""
    metric = METRICS.get(found.metric, found.metric)
    told = [
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
    if found.metric != "macro_auroc":
        told.insert(3, _estimated("ROC-AUC", lambda entry: entry.auroc, ".3f"))
    if any(entry.energy is not None for entry in found.entries):
        told.append(
            Column(title="energy", value=lambda entry, rank: entry.energy, unit="kJ a run", form=".1f", scale=1e3)
        )
    return tuple(told)


def _estimated(title: str, of: Callable[[Entry], Estimate | None], form: str) -> Column:
    def part(name: str) -> Callable[[Entry], float | None]:
        return lambda entry: None if (estimate := of(entry)) is None else float(getattr(estimate, name))

    value, low, high = part("value"), part("low"), part("high")
    return Column(title=title, value=lambda entry, rank: value(entry), form=form, low=low, high=high)


def caveats(found: Leaderboard) -> tuple[str, ...]:
    """Say in sentences what the ranking rests on, and what it cannot show."""
    metric = METRICS.get(found.metric, found.metric)
    said = [f"Sorted by {metric}, with 95 % intervals over patients and, if several, seeds."]
    if any(rank is not None for rank in found.ranks):
        said[0] += (
            " Models share a rank where paired tests, clustered by patient and corrected by Holm's procedure, show no"
            " difference."
        )
    if found.smallest_gap is not None:
        said.append(
            f"A true gap of {found.smallest_gap:.3f} would be shown four times in five (a pair tested alone, at 5 %)."
            " A smaller one can be there and not be seen: an equal rank does not mean that two models are equal."
        )
    if max((len(entry.seeds) for entry in found.entries), default=0) == 1:
        said.append(ONE_SEED)
    if found.shortcuts:
        best = max(found.shortcuts, key=lambda name: found.shortcuts[name])
        said.append(
            f"The best shortcut, {best.replace('_', ' ')}, reaches {found.shortcuts[best]:.3f} without looking at the"
            " breast. What a model has more than that is its gain."
        )
    if few := few_patients(found):
        said.append(
            f"Fewer than {FEW} patients: {few}. Intervals of such a class's scores and of macro averages hold the truth"
            " less often than 95 times in 100."
        )
    if few := few_pairs(found):
        said.append(f"Too few pairs for a ROC-AUC: {few}. An area of so few cannot tell a good model from a poor one.")
    if any(entry.start.endswith(", frozen") for entry in found.entries):
        said.append(
            "A wholly frozen backbone's features are computed once unless its pictures are augmented: its training"
            " rate is then the head's."
        )
    if found.leaky:
        said.append(f"This split {leak_text(found)}. {leak_meaning(found)}")
    said.append("Everything here is of one data set. Research software: nothing here is a diagnosis.")
    return tuple(said)


def leak_meaning(found: Leaderboard) -> str:
    """Say in a sentence what a leaky split's scores are worth, and why."""
    if found.leak_proven:
        return "Images of one patient stand on both sides of it: its scores say little about new patients."
    return (
        "Rows without a patient id may be of patients on both sides of it: then its scores say little about new"
        " patients."
    )


def few_patients(found: Leaderboard) -> str:
    """Name the classes that have fewer than `FEW` patients, with how many; "" where all have more."""
    classes = next((entry.per_class for entry in found.entries if entry.per_class), ())
    return ", ".join(f"{one.name} ({one.patients})" for one in classes if one.patients < FEW)


def few_pairs(found: Leaderboard) -> str:
    """Name the classes whose ROC-AUC rests on too few pairs, with how many; "" where all have enough."""
    classes = next((entry.per_class for entry in found.entries if entry.per_class), ())
    return ", ".join(f"{one.name} ({one.basis.text})" for one in classes if one.basis is not None and is_few(one.basis))


def reference_rows(references: Sequence[Reference]) -> list[tuple[str, ...]]:
    """Return what others reported: network, accuracy, macro-F1, split and whether it leaks, source, note."""
    return [
        (
            one.network,
            "–" if one.accuracy is None else f"{one.accuracy:.3g}",
            "–" if one.macro_f1 is None else f"{one.macro_f1:.3g}",
            f"by {one.split}{', leaks patients' if one.split != 'patient' else ''}",
            one.source,
            one.note,
        )
        for one in references
    ]


REFERENCE_HEAD = ("network", "accuracy", "macro-F1", "split", "source", "note")


def to_markdown(found: Leaderboard) -> str:
    """Return the leaderboard as Markdown: the table, the shortcuts, what others reported, and the caveats."""
    shown = columns(found)
    lines = [f"# {found.title}", "", found.basis, "", _row([column.head for column in shown]), _rule(len(shown))]
    for entry, rank in zip(found.entries, found.ranks, strict=True):
        if entry.error:
            lines.append(_row(["–", entry.name, f"failed: {entry.error}", *[""] * (len(shown) - 3)]))
        else:
            lines.append(_row([column.text(entry, rank) for column in shown]))
    metric = METRICS.get(found.metric, found.metric)
    if found.shortcuts:
        lines += ["", _row(["shortcut", metric]), _rule(2)]
        lines += [_row([name.replace("_", " "), _said(value, ".3f")]) for name, value in found.shortcuts.items()]
    lines += _fold_lines(found, metric)
    lines += ["", *(f"- {sentence}" for sentence in caveats(found))]
    if found.references:
        lines += ["", "Reported by others, on leaky splits of other data: not comparable.", ""]
        lines += [_row(REFERENCE_HEAD), _rule(len(REFERENCE_HEAD))]
        lines += [_row(row) for row in reference_rows(found.references)]
    return "\n".join([*lines, "", f"`{found.command}`"])


def _fold_lines(found: Leaderboard, metric: str) -> list[str]:
    """Return a Markdown table with a line a model and seed: each fold's score and rows."""
    head = ["", _row(["model", "seed", f"{metric} of each fold (n)"]), _rule(3)]
    lines = []
    for entry in found.entries:
        for seed in dict.fromkeys(fold.seed for fold in entry.by_fold):
            own = [fold for fold in entry.by_fold if fold.seed == seed]
            said = [f"{'–' if fold.value is None else _said(fold.value, '.3f')} ({fold.n})" for fold in own]
            lines.append(_row([entry.name, str(seed), " · ".join(said)]))
    return [*head, *lines] if lines else []


def to_csv(found: Leaderboard) -> str:
    """Return the leaderboard as CSV: plain numbers, an interval's ends in columns of their own, the error last."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    shown = columns(found)
    head: list[str] = []
    for column in shown:
        head += [column.head, f"{column.title}, low", f"{column.title}, high"] if column.low else [column.head]
    writer.writerow([*head, "n", "patients", "split", "folds", "seeds", "error"])
    for entry, rank in zip(found.entries, found.ranks, strict=True):
        cells: list[Cell] = []
        for column in shown:
            ends = [end(entry) for end in (column.low, column.high) if end]
            cells += [_scaled(cell, column.scale) for cell in (column.value(entry, rank), *ends)]
        writer.writerow([*cells, found.n, found.patients, found.split, found.folds, len(entry.seeds), entry.error])
    return out.getvalue()


def _scaled(value: Cell, scale: float) -> Cell:
    return value / scale if isinstance(value, int | float) and scale != 1 else value


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _rule(count: int) -> str:
    return "| " + " | ".join(["---"] * count) + " |"
