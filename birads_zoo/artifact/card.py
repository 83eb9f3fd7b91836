"""Writes the model card: what a model was made from, how well it did, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from birads_zoo.artifact.manifest import FoldPart, Manifest, Share
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.few import areas_note, is_few
from birads_zoo.report.run.source_text import by_source
from birads_zoo.report.run.terminal import (
    against_best,
    against_shortcuts,
    by_fold,
    by_level,
    chances,
    headline,
    readings,
)
from birads_zoo.results.estimate import Ends
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.finished import Finished
from birads_zoo.version import __version__

_USE = """## Intended use

Teaching, and research on methods: comparing networks, and studying their mistakes, their calibration and where their
evidence is. It is for researchers.

## What it must not be used for

- The care of patients: it must not diagnose, screen, triage, or confirm or overrule a reader. It is not a medical
  device, and nobody has tested it as one.
- Pictures unlike those it was trained on: other devices, other populations, other file formats. The warnings below
  detect some of them, but not all: a picture without a warning may still be unsuitable.
- Finding out who is in the data, or whether a certain patient is."""

_FOLDS = """All figures are of each fold's network on rows that it never saw. This model is the mean of these networks.
That mean was **never measured**: pictures that test one of the networks have trained the others."""

_ALARMS = """A prediction carries a warning if its picture is unlike the training pictures. How often that happens to
pictures of the same source, each compared by one fold's network with limits set without it and its patient:"""

_CALIBRATED = """The model's calibrated probabilities are the mean of the folds' calibrated probabilities. Such a mean
is a little too cautious (Ranjan and Gneiting, J. R. Statist. Soc. B 72, 2010)."""

_PARTLY = """Only {count} of {folds} folds had enough validation patients to be calibrated. What the model calls its
calibrated probabilities is the mean of these folds' calibrated probabilities and the other folds' uncalibrated ones:
**calibrated in part**."""

_UNCALIBRATED = """**Not calibrated: too few validation patients** in every fold. The model reports only the networks'
uncalibrated probabilities."""

_SETS = """The model's set holds the classes that are in more than half of the folds' sets. Take a random picture of a
new patient of the same population. If each fold's set holds its true class with a chance of at least {level:g}, then
the model's set does with a chance of at least {least:g} (Gasparin and Ramdas, arXiv 2401.09379, 2024)."""


def model_card(finished: Finished, manifest: Manifest) -> str:
    """Return the card in Markdown. It names no path on the user's machine, no file of the data and no patient."""
    metrics = finished.metrics
    parts = (
        f"# {manifest.run_id}, trained on {manifest.recipe.dataset.name}",
        f"**{manifest.notice}**",
        _model(manifest, finished.environment.precision),
        _USE,
        _data(metrics, manifest),
        _results(metrics),
        _subgroups(metrics),
        _chances(metrics, manifest),
        _warnings(manifest),
        "## Licences\n\n" + "\n".join(f"- {licence}" for licence in manifest.licences),
    )
    return "\n\n".join(parts) + "\n"


def _model(manifest: Manifest, precision: str) -> str:
    recipe, image = manifest.recipe, manifest.preprocessing.image
    count = len(manifest.folds)
    steps = [f"fitted into {image.height}×{image.width} pixels ({image.fit})"]
    if image.neutral:
        steps.insert(0, f"made neutral (detail {manifest.preprocessing.detail:.3g})")
    else:
        steps = ["cropped to the breast"] * image.crop + ["chest wall turned to the left"] * image.orient + steps
    if image.contrast == "clahe":
        steps.append("contrast equalised in tiles (CLAHE)")
    if image.bits:
        steps.insert(0, f"16-bit grey values (except in DICOM files) read as {image.bits} bits")
    views = {
        "single": "one picture",
        "breast": "a picture and another view of its breast",
        "bilateral": "a picture and the other breast in the same view",
        "exam": "a picture, another view of its breast, and both views of the other breast",
    }
    unit = {
        "image": views[recipe.dataset.views],
        "breast": "both views of a breast",
        "patient": "both views of both breasts",
    }
    maps = f"{recipe.explainer.name}; {manifest.heat_maps.verdict}" if manifest.kind == "safetensors" else "none"
    rows = (
        ("Network", f"{recipe.model.backbone}" + (f", the mean of {count} folds'" if count > 1 else "")),
        ("Ablations", ", ".join(recipe.ablations) or "none"),
        ("Predicts", f"{manifest.target}: {', '.join(manifest.classes)}"),
        ("Loss", _loss(manifest)),
        ("Looks at", unit[manifest.level]),
        ("Preprocessing", ", ".join(steps) + "; all of it is in `manifest.json`"),
        ("Heat maps", maps),
        ("Precision", f"{manifest.precision}; the figures below are of the run's own predictions, in {precision}"),
        ("Format", f"{manifest.kind}, by birads-zoo {__version__} with torch {manifest.torch}"),
        ("Agreement", _agreement(manifest)),
    )
    return _table(("", ""), rows)


def _agreement(manifest: Manifest) -> str:
    agreement = manifest.agreement
    return (
        f"on {agreement.pictures} pictures of the run no probability differs by more than {agreement.probability:.1g} "
        "from that of the trainer's network"
    )


def _loss(manifest: Manifest) -> str:
    loss = manifest.recipe.loss
    options = "".join(f", {name} = {value}" for name, value in loss.options.items())
    text = f"{loss.name}{options}; probabilities: {manifest.outputs.rule}"
    return text.replace("|", "\\|")  # a bare bar ends the cell


def _data(metrics: RunMetrics, manifest: Manifest) -> str:
    recipe = manifest.recipe
    units = UNITS[manifest.level] if manifest.level != "image" else "pictures"
    counts = ", ".join(f"{row.name} {row.support}" for row in metrics.per_class)
    lines = [
        f"- Data set: {recipe.dataset.name}, {metrics.n} {units} of {metrics.patients} patients: {counts}.",
        f"- Split: by {metrics.split}, {metrics.folds} fold{'' if metrics.folds == 1 else 's'};"
        f" {recipe.split.validation:.0%} of what a fold trains on is its validation part.",
    ]
    if metrics.leaky and not metrics.leak_proven:
        lines.append(
            "- **This split may leak**: rows without a patient id may be of patients on both sides of it. If so, every"
            " figure below is too good, and says nothing about new patients."
        )
    elif metrics.leaky:
        lines.append(
            "- **This split leaks**: some patients are on both sides of it. Every figure below is too good, and says"
            " nothing about new patients."
        )
    return "\n".join(["## Data", "", *lines])


def _results(metrics: RunMetrics) -> str:
    ends = metrics.intervals.scores
    rows = [
        (
            row.name,
            _value(row.precision, ends.get(f"precision:{row.name}")),
            _value(row.recall, ends.get(f"recall:{row.name}")),
            _value(row.f1, ends.get(f"f1:{row.name}")),
            _value(row.auroc, ends.get(f"auroc:{row.name}")) + " ‡" * is_few(metrics.intervals.areas.get(row.name)),
            str(row.support),
        )
        for row in metrics.per_class
    ]
    several = metrics.folds > 1
    lines = [headline(metrics), *against_best(metrics), *([by_fold(metrics)] if several else [])]
    lines += [*readings(metrics), *by_source(metrics), *by_level(metrics)]
    return "\n".join(
        [
            "## How well it did",
            "",
            *([_FOLDS, ""] if several else []),
            *(f"- {line}" for line in lines),
            "",
            _table(("class", "precision", "recall", "F1", "ROC-AUC", "n"), rows),
            "",
            *([areas_note(metrics), ""] if areas_note(metrics) else []),
            "Intervals are at 95 %, over patients. Compared with shortcuts, which never see the lesion:",
            "",
            *(f"{'  ' * line.startswith(' ')}- {' '.join(line.split())}" for line in against_shortcuts(metrics)),
        ]
    )


def _subgroups(metrics: RunMetrics) -> str:
    """List only the groups that are large enough to be scored: smaller ones could identify patients."""
    rows = []
    for attribute, subgroup in metrics.subgroups.attributes.items():
        for group in subgroup.groups:
            auroc = metrics.subgroups.compared(group)
            if auroc is not None:
                rows.append((attribute, group.value, _value(auroc.value, (auroc.low, auroc.high)), str(group.n)))
    if not rows:
        return "## Subgroups\n\nNo group is large enough to be scored."
    differ = [name for name, subgroup in metrics.subgroups.attributes.items() if subgroup.differs]
    sentence = f"A test shows a difference by {', '.join(differ)}." if differ else "No test shows a difference."
    table = _table(("attribute", "group", "ROC-AUC", "n"), rows)
    return f"## Subgroups\n\n{sentence} Groups too small to be scored are left out.\n\n{table}"


def _chances(metrics: RunMetrics, manifest: Manifest) -> str:
    level = metrics.conformal.level
    return "\n".join(
        [
            "## Calibration and sets",
            "",
            *(f"- {line}" for line in chances(metrics)),
            "",
            _table(("fold", "temperature", "conformal threshold"), [_fold(fold) for fold in manifest.folds]),
            "",
            *_calibration(manifest),
            *([_SETS.format(level=level, least=round(max(2 * level - 1, 0), 6))] if len(manifest.folds) > 1 else []),
        ]
    )


def _calibration(manifest: Manifest) -> tuple[str, ...]:
    count, folds = manifest.calibrated_folds, len(manifest.folds)
    if count == 0:
        return _UNCALIBRATED, ""
    if count < folds:
        return _PARTLY.format(count=count, folds=folds), ""
    return (_CALIBRATED, "") if folds > 1 else ()


def _fold(fold: FoldPart) -> tuple[str, str, str]:
    temperature = "none: not calibrated" if fold.temperature is None else f"{fold.temperature:.3f}"
    return str(fold.number + 1), temperature, "none: all classes" if fold.threshold is None else f"{fold.threshold:.3f}"


def _warnings(manifest: Manifest) -> str:
    training = manifest.training_range
    lines = [
        f"- Size, shape and grey values: {_alarms(training.range_alarms)} lie outside the range of the training rows."
    ]
    if training.limit is None or training.distance_alarms is None:
        lines.append("- Distance in feature space: no limit, as the run had no validation rows to set one by.")
    else:
        lines.append(
            f"- Distance in feature space: {_alarms(training.distance_alarms)} lie beyond the limit, which the"
            f" validation rows set at {training.limit:.2f} times their median."
        )
    return "\n".join(
        [
            "## Warnings",
            "",
            _ALARMS,
            "",
            *lines,
        ]
    )


def _alarms(share: Share) -> str:
    return f"{_value(share.value, (share.low, share.high))} of {share.n} pictures of {share.patients} patients"


def _value(value: float | None, ends: Ends | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        yield f"|{' --- |' * len(head)}"
        for row in rows:
            yield f"| {' | '.join(row)} |"

    return "\n".join(lines())
