"""The results of a comparison of models, from which every table, page and workbook is made."""

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
    """A class's F1 and one-vs-rest ROC-AUC in [0, 1], means over the seeds, and its numbers of rows and patients.

    `basis` has the pairs behind the ROC-AUC, of the seed with the fewest; `None` in files of older versions.
    """

    name: str
    f1: float | None
    auroc: float | None
    n: int
    patients: int
    basis: Pairs | None = None


class FoldScore(msgspec.Struct, frozen=True, kw_only=True):
    """The leaderboard's metric on the n rows of one fold of one seed's cross-validation; `None` if undefined."""

    seed: int
    fold: int
    n: int
    value: float | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model under one recipe. If `error` is not empty, the model failed and has no results.

    `start` has the initial weights of the backbone and what was frozen ("pretrained, frozen"; "" if unknown). `score`
    is the leaderboard's metric on all rows, out of fold, and `gain` its difference from the best shortcut; both are
    means over the seeds. `by_fold` has the same metric by fold. `seed_spread` is the standard deviation of the score
    over the seeds, and `fold_spread` that over the folds of a seed (variances averaged over the seeds); each is `None`
    with only one seed or fold. `flops` are for one sample's forward pass, rates in images/s, memory in bytes, energy in
    joules, and `seconds` for a whole run; `None` if unknown.
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
    """An ablation's effect: the full model minus the one without the part, its corrected p-value, and the verdict."""

    name: str
    backbone: str
    effect: Estimate | None
    p: float | None
    verdict: str


class SchemeScore(msgspec.Struct, frozen=True, kw_only=True):
    """One split of a leakage study.

    `leaky` and `leak_proven` are as in a run's metrics. `inflation` is the score less that of the split by patient
    (`None` for that split itself), and `p` its p-value, corrected by Holm's procedure. `patient_lookup` is the score of
    a table from patient to label on the same folds. `error` is not empty if the split could not be run.
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
    """The content of `leaderboard.json`: models compared on the same n samples of the same patients.

    A sample is of the labels' `level`. `entries` are sorted by score, failed models last. `ranks` are in the same
    order; they are equal if tests show no difference, and `None` for failed models. `pairwise` has the m×m corrected
    p-values. `smallest_gap` is the gap that the tests would show with power 0.8. With one seed nothing is tested, and
    `ranks`, `pairwise` and `smallest_gap` are `None`. `leaky` and `leak_proven` are as in a run's metrics.
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
        """One line with the data set, target, split, folds, seeds, samples and patients of every number."""
        seeds = max((len(entry.seeds) for entry in self.entries), default=0)
        leaks = f", {leak_text(self)} patients" if self.leaky else ""
        return (
            f"{self.dataset}, target {self.target} · {self.split} split{leaks}, {self.folds} folds, "
            f"{seeds} seed{'s' * (seeds != 1)} · n = {self.n} {UNITS[self.level]} of {self.patients} patients"
        )
