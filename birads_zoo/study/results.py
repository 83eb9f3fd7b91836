"""What `ablate` and `leakage` leave in a study's folder: JSON, CSV, Markdown and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from birads_zoo.evaluation.comparison import ONE_SEED
from birads_zoo.evaluation.intervals import Estimate
from birads_zoo.evaluation.leaderboard import Effect, SchemeScore
from birads_zoo.files import make_folder, write_text
from birads_zoo.report import differences, leakage_report
from birads_zoo.report.differences import Difference
from birads_zoo.report.leaderboard_table import METRICS
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study
from birads_zoo.study.public import public_command

_CAVEAT = (
    "All intervals are at 95 %, over patients and, with several seeds, over seeds; p-values are corrected by Holm's"
    " procedure. Research software: nothing here is a diagnosis."
)


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What every number of a study rests on."""

    name: str
    dataset: str
    target: str
    classes: tuple[str, ...]
    split: str
    folds: int
    seeds: tuple[int, ...]
    metric: str
    n: int
    patients: int
    environment: Mapping[str, Any]
    command: str

    @property
    def text(self) -> str:
        """In one line, for the head of a table or a figure."""
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return (
            f"{self.name} · {self.dataset}, target {self.target} · {self.split} · {self.folds} folds, {seeds}"
            f" · n = {self.n} images of {self.patients} patients · {_shown(self)}"
        )


def basis(study: Study, first: Predicted, environment: Mapping[str, Any], split: str) -> Basis:
    """Describe a study by its first variant and that one's results; `split` says in words how rows were held out."""
    recipe, metrics = study.variants[0].recipe, first.metrics[0]
    return Basis(
        name=recipe.run_id,
        dataset=recipe.dataset.name,
        target=metrics["target"],
        classes=first.classes,
        split=split,
        folds=metrics["folds"],
        seeds=study.seeds,
        metric=study.metric,
        n=len(first.labels),
        patients=metrics["patients"],
        environment=environment,
        command=public_command(study.command),
    )


def write_ablations(
    folder: Path, about: Basis, full: Estimate | None, found: Sequence[Effect]
) -> tuple[str, dict[str, Any]]:
    """Write `ablations.json`, `.csv`, `.md` and `figures/ablations.png`; return the Markdown and the JSON's content."""
    lines = [Difference(name=row.name, estimate=row.effect, p=row.p, verdict=row.verdict) for row in found]
    head = f"Ablations of {about.name}"
    text = "\n\n".join(
        [
            f"# {head}",
            about.text,
            f"Full model: {_said(full)}. Each line: the full model less the one without the part, so a positive"
            " difference means that what was removed helps.",
            differences.markdown(lines, "ablation"),
            _caveat(about),
        ]
    )
    values = _plain(about) | {"full": _plain(full), "ablations": [_plain(row) for row in found]}
    axis = f"{_shown(about)}, full model less ablated: right of zero, what was removed helps"
    figures = _write(folder, "ablations", text, values, about)
    differences.write_csv(lines, folder / "ablations.csv")
    differences.draw(lines, figures / "ablations.png", head, about.text, axis)
    return text, values


def write_leakage(folder: Path, about: Basis, found: Sequence[SchemeScore]) -> tuple[str, dict[str, Any]]:
    """Write `leakage.json`, `.csv`, `.md` and `figures/leakage.png`; return the Markdown and the JSON's content."""
    gaps = [row.smallest_gap for row in found if row.smallest_gap is not None]
    shown = (
        f"A difference of {max(gaps):.3f} or more would have been shown with power 0.8 (each test alone, at 5 %)."
        if gaps
        else ""
    )
    head = f"Leakage: what the split makes of {about.name}"
    text = "\n\n".join(
        part
        for part in (
            f"# {head}",
            about.text,
            leakage_report.markdown(found, _shown(about)),
            "Patient lookup is a table from patient to label, made on the same folds: it has never seen a picture.",
            shown,
            _caveat(about),
        )
        if part
    )
    values = _plain(about) | {"schemes": [_plain(row) for row in found]}
    figures = _write(folder, "leakage", text, values, about)
    leakage_report.write_csv(found, folder / "leakage.csv")
    leakage_report.draw(found, figures / "leakage.png", head, about.text, _shown(about))
    return text, values


def _write(folder: Path, name: str, text: str, values: Mapping[str, Any], about: Basis) -> Path:
    """Write the Markdown and the JSON; return the folder for figures."""
    write_text(folder / f"{name}.md", f"{text}\n\n`{about.command}`\n")
    write_text(folder / f"{name}.json", json.dumps(values, indent=2, allow_nan=False) + "\n")
    return make_folder(folder / "figures")


def _caveat(about: Basis) -> str:
    return f"{ONE_SEED} {_CAVEAT}" if len(about.seeds) == 1 else _CAVEAT


def _shown(about: Basis) -> str:
    return METRICS.get(about.metric, about.metric)


def _said(found: Estimate | None) -> str:
    return "undefined" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
