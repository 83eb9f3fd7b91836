"""What a comparison of models found: one value that every table, page and workbook is made from."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.words import leak_text
from birads_zoo.recipes.registry import Reference
from birads_zoo.results.environment import Machine
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs
from birads_zoo.results.scores import Metric


class ClassScore(msgspec.Struct, frozen=True, kw_only=True):
    """One class's F1 and one-vs-rest ROC-AUC, in [0, 1], means over the seeds, and its n rows of so many patients.

    `basis` is the least that a seed's area rests on; `None` in files of older versions.
    """

    name: str
    f1: float | None
    auroc: float | None
    n: int
    patients: int
    basis: Pairs | None = None


class FoldScore(msgspec.Struct, frozen=True, kw_only=True):
    """The leaderboard's metric on the n rows of one fold of one seed's cross-validation; `None` where undefined."""

    seed: int
    fold: int
    n: int
    value: float | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model under one recipe. Where `error` is not empty it failed, and nothing else is known of it.

    `start` says from which weights its backbone began, and what of it was frozen ("pretrained, frozen"; "" if unknown).
    `score` is of the leaderboard's metric on all rows, out of fold, `gain` its distance from the best shortcut, both
    means over the seeds. `by_fold` are the same metric's values fold by fold; `seed_spread` is the standard deviation
    of the score over the seeds and `fold_spread` that over the folds (within a seed, the variances averaged over the
    seeds), each `None` where there is but one. `flops` are of one sample's forward pass, rates images/s, memory bytes,
    energy joules and `seconds` those of a whole run; `None` where unknown.
    """

    name: str
    backbone: str
    ablations: tuple[str, ...]
    recipe: str
    start: str
    seeds: tuple[int, ...]
    error: str = ""
    score: Estimate | None = None
    auroc: Estimate | None = None
    gain: Estimate | None = None
    seed_spread: float | None = None
    fold_spread: float | None = None
    by_fold: tuple[FoldScore, ...] = ()
    best_shortcut: str = ""
    per_class: tuple[ClassScore, ...] = ()
    parameters: int | None = None
    flops: int | None = None
    train_rate: float | None = None
    predict_rate: float | None = None
    peak_memory: float | None = None
    energy: float | None = None
    seconds: float | None = None


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """An ablation's effect: the full model less the one without the part, its corrected p-value, and the verdict."""

    name: str
    backbone: str
    effect: Estimate | None
    p: float | None
    verdict: str


class SchemeScore(msgspec.Struct, frozen=True, kw_only=True):
    """One split of a leakage study.

    `leaky` and `leak_proven` are as a run's metrics have them. `inflation` is its score less that of the split by
    patient, `None` for that split itself, and `p` its p-value, corrected by Holm's procedure. `patient_lookup` is what
    a table from patient to label scores on the same folds.
    `error` is not empty where the split could not be run.
    """

    scheme: str
    leaky: bool
    leak_proven: bool = True
    score: Estimate | None = None
    patient_lookup: float | None = None
    inflation: Estimate | None = None
    p: float | None = None
    smallest_gap: float | None = None
    verdict: str = ""
    error: str = ""


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """Models compared on the same n samples (of the labels' `level`) of the same patients.

    `entries` are sorted by score, the failed last; `ranks` are theirs, equal where tests show no difference, `None` for
    the failed. `pairwise` holds corrected p-values, m×m. `smallest_gap` is what the data would show with power 0.8.
    With one seed nothing is tested: all of these are `None`. `leaky` and `leak_proven` are those of a run's metrics.
    It is the content of `leaderboard.json`.
    """

    FORMAT: ClassVar[int] = 2

    title: str
    dataset: str
    target: str
    split: str
    leaky: bool
    folds: int
    n: int
    patients: int
    classes: tuple[str, ...]
    metric: Metric
    entries: tuple[Entry, ...]
    ranks: tuple[int | None, ...]
    pairwise: tuple[tuple[float | None, ...], ...]
    smallest_gap: float | None
    shortcuts: dict[str, float]
    references: tuple[Reference, ...]
    ablations: tuple[Effect, ...]
    environment: Machine
    command: str
    level: Literal["image", "breast", "patient"] = "image"
    leak_proven: bool = True

    @property
    def basis(self) -> str:
        """Say in one line what every number rests on."""
        seeds = max((len(entry.seeds) for entry in self.entries), default=0)
        leaks = f", {leak_text(self)} patients" if self.leaky else ""
        return (
            f"{self.dataset}, target {self.target} · {self.split} split{leaks}, {self.folds} folds, "
            f"{seeds} seed{'s' * (seeds != 1)} · n = {self.n} {UNITS[self.level]} of {self.patients} patients"
        )
