"""Writes the results of `ablate` and `leakage` to a study's folder: JSON, CSV, Markdown and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
from msgspec.structs import asdict

from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.statistics.comparison import ONE_SEED
from birads_zoo.files import documents, make_folder, write_text
from birads_zoo.report.study import differences
from birads_zoo.report.study import leakage as leakage_report
from birads_zoo.report.study.differences import Difference
from birads_zoo.report.study.leaderboard import Effect, SchemeScore
from birads_zoo.report.study.table import METRICS
from birads_zoo.results.environment import Machine
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study
from birads_zoo.study.redaction import public_command

_CAVEAT = (
    "All intervals are at 95 %, over patients and, with several seeds, over seeds; p-values are corrected by Holm's"
    " procedure. Research software: nothing here is a diagnosis."
)


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The data and settings of a study; `n` counts samples at `level` (see `interfaces.Target`)."""

    name: str
    dataset: str
    target: str
    classes: tuple[str, ...]
    split: str
    folds: int
    seeds: tuple[int, ...]
    metric: Metric
    n: int
    patients: int
    environment: Machine
    command: str
    level: Literal["image", "breast", "patient"] = "image"

    @property
    def text(self) -> str:
        """The same in one line, for the head of a table or a figure."""
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return (
            f"{self.name} · {self.dataset}, target {self.target} · {self.split} · {self.folds} folds, {seeds}"
            f" · n = {self.n} {UNITS[self.level]} of {self.patients} patients · {_metric_name(self)}"
        )


class AblationStudy(Basis, frozen=True, kw_only=True):
    """The content of `ablations.json`: the score of the full model, and the effect of each ablation."""

    FORMAT: ClassVar[int] = 2

    full: Estimate | None
    ablations: tuple[Effect, ...]


class LeakageStudy(Basis, frozen=True, kw_only=True):
    """The content of `leakage.json`: the score under each split, and its difference to the split by patient."""

    FORMAT: ClassVar[int] = 2

    schemes: tuple[SchemeScore, ...]


def basis(study: Study, first: Predicted, environment: Machine, split: str) -> Basis:
    """Describe a study by its first variant and the results of that; `split` describes the split in words."""
    recipe, metrics = study.variants[0].recipe, first.metrics[0]
    return Basis(
        name=recipe.run_id,
        dataset=recipe.dataset.name,
        target=metrics.target,
        classes=first.classes,
        split=split,
        folds=metrics.folds,
        seeds=study.seeds,
        metric=study.metric,
        n=len(first.labels),
        patients=metrics.patients,
        environment=environment,
        command=public_command(study.command),
        level=metrics.level,
    )


ABLATION_FILES, LEAKAGE_FILES = (
    (f"{name}.md", f"{name}.json", f"{name}.csv", f"figures/{name}.png") for name in ("ablations", "leakage")
)
"""What `write_ablations` and `write_leakage` write."""


def write_ablations(
    folder: Path, about: Basis, full: Estimate | None, effects: Sequence[Effect]
) -> tuple[str, AblationStudy]:
    """Write `ablations.json`, `.csv`, `.md` and `figures/ablations.png`; return the Markdown and the JSON's content."""
    lines = [Difference(name=row.name, estimate=row.effect, p=row.p, verdict=row.verdict) for row in effects]
    head = f"Ablations of {about.name}"
    text = "\n\n".join(
        [
            f"# {head}",
            about.text,
            f"Full model: {_estimate_text(full)}. Each line: the full model minus the model without the part, so a"
            " positive difference means that what was removed helps.",
            differences.markdown(lines, "ablation"),
            _caveat(about),
        ]
    )
    study = AblationStudy(**asdict(about), full=full, ablations=tuple(effects))
    axis = f"{_metric_name(about)}, full model minus ablated: right of zero, what was removed helps"
    figures = _write(folder, "ablations", text, study)
    differences.write_csv(lines, folder / "ablations.csv")
    differences.draw(lines, figures / "ablations.png", head, about.text, axis)
    return text, study


def write_leakage(folder: Path, about: Basis, scores: Sequence[SchemeScore]) -> tuple[str, LeakageStudy]:
    """Write `leakage.json`, `.csv`, `.md` and `figures/leakage.png`; return the Markdown and the JSON's content."""
    gaps = [row.smallest_gap for row in scores if row.smallest_gap is not None]
    shown = (
        f"A difference of {max(gaps):.3f} or more would have been shown with power 0.8 (each test alone, at 5 %)."
        if gaps
        else ""
    )
    head = f"Leakage: {about.name} under each split"
    text = "\n\n".join(
        part
        for part in (
            f"# {head}",
            about.text,
            leakage_report.markdown(scores, _metric_name(about)),
            "Patient lookup is a table from patient to label, made on the same folds: it has never seen a picture.",
            shown,
            _caveat(about),
        )
        if part
    )
    study = LeakageStudy(**asdict(about), schemes=tuple(scores))
    figures = _write(folder, "leakage", text, study)
    leakage_report.write_csv(scores, folder / "leakage.csv")
    leakage_report.draw(scores, figures / "leakage.png", head, about.text, _metric_name(about))
    return text, study


def _write(folder: Path, name: str, text: str, study: AblationStudy | LeakageStudy) -> Path:
    """Write the Markdown and the JSON; return the folder for figures."""
    write_text(folder / f"{name}.md", f"{text}\n\n`{study.command}`\n")
    documents.write(folder / f"{name}.json", study)
    return make_folder(folder / "figures")


def _caveat(about: Basis) -> str:
    return f"{ONE_SEED} {_CAVEAT}" if len(about.seeds) == 1 else _CAVEAT


def _metric_name(about: Basis) -> str:
    return METRICS.get(about.metric, about.metric)


def _estimate_text(estimate: Estimate | None) -> str:
    if estimate is None:
        return "undefined"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
