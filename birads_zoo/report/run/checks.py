"""What is wrong with a run, in sentences: the first thing its page says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from birads_zoo.data.index.audit import AuditSummary
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.few import is_few
from birads_zoo.evaluation.words import p_text
from birads_zoo.report.run.source_text import signed
from birads_zoo.report.run.text import outwards
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.probabilities import Calibration, Conformal

Severity = Literal["wrong", "doubt", "fine"]

_ORDER: tuple[Severity, ...] = ("wrong", "doubt", "fine")
_MANY_DROPPED = 0.1  # of all rows
_FAR_MISS = 2  # classes
_HALF = 0.5  # of a class's images: whether so many are found, its recall's interval says
_BINS_OFF = 0.2  # of ten points with 95 % intervals, three or more miss by chance in about 1 of 100 diagrams


@dataclass(frozen=True, kw_only=True)
class Check:
    """One sentence, the figure it rests on, and the part of the page that shows it.

    "wrong" makes the result useless or the network blind to something, "doubt" is to be looked at, "fine" was checked.
    """

    severity: Severity
    claim: str
    because: str
    part: str


def check_run(metrics: RunMetrics, summary: AuditSummary, explainers: Mapping[str, bool | None]) -> list[Check]:
    """Return every verdict on a run, the worst first.

    Nothing is measured here: each sentence repeats what metrics.json, the audit or the explainers' scores say, and its
    severity follows from an interval or a test there. Where there is nothing to test against, doubt begins at a tenth
    of the rows left out, and at a class of which half are not surely found. `explainers` says by name whether the
    explainer beat its baselines, `None` where that is not known.
    """
    checks = [
        *_split(metrics),
        *_called(metrics),
        *_gain(metrics),
        *_sources(metrics),
        *_severe(metrics),
        *_weakest(metrics),
        *_probabilities(metrics),
        *_rest(metrics),
        *_rows(summary),
        *_explainers(explainers),
    ]
    return sorted(checks, key=lambda check: _ORDER.index(check.severity))


def _split(metrics: RunMetrics) -> Iterator[Check]:
    if metrics.leaky and not metrics.leak_proven:
        because = (
            f"Rows without a patient id may be of patients on both sides of the {metrics.split} split: "
            "then its scores say nothing of new patients."
        )
        claim = "It cannot be ruled out that the split leaks patients"
        yield Check(severity="wrong", claim=claim, because=because, part="data")
    elif metrics.leaky:
        because = (
            f"The {metrics.split} split has images of one patient on both sides: "
            "its scores say nothing of new patients."
        )
        yield Check(severity="wrong", claim="The split leaks patients", because=because, part="data")
    else:
        because = f"{metrics.patients} patients, each predicted by a network that never saw them."
        yield Check(severity="fine", claim="No patient is on both sides of the split", because=because, part="data")


def _gain(metrics: RunMetrics) -> Iterator[Check]:
    for name, gain in (("macro-F1", metrics.gain.macro_f1), ("ROC-AUC", metrics.gain.macro_auroc)):
        if gain is None:
            continue
        over = gain.over.replace("_", " ")
        ends = f"{gain.low:+.3f} to {gain.high:+.3f}"
        told = f"{name} {gain.value:+.3f} ({ends}) over {over}, which does not look at the breast."
        if gain.low > 0:
            yield Check(severity="fine", claim=f"Beats the best shortcut in {name}", because=told, part="shortcuts")
        elif gain.high < 0:
            yield Check(severity="wrong", claim=f"Worse than a shortcut in {name}", because=told, part="shortcuts")
        else:
            claim = f"Not shown to beat the best shortcut in {name}"
            yield Check(severity="wrong", claim=claim, because=told, part="shortcuts")
    for name, scores in metrics.shortcuts.items():
        if scores.flagged and scores.p_value is not None:
            because = (
                f"It reaches {scores.over_chance:+.3f} macro-F1 over chance ({p_text(scores.p_value)}): "
                "the network may have learned the same."
            )
            claim = f"The shortcut “{name.replace('_', ' ')}” works on this data"
            yield Check(severity="doubt", claim=claim, because=because, part="shortcuts")


def _sources(metrics: RunMetrics) -> Iterator[Check]:
    sources = metrics.subgroups.attributes.get("source")
    if sources is None or (within := sources.within) is None:
        return
    if within.alone:
        because = f"No source has {' or '.join(within.alone)} beside another class: the source alone may tell them."
        claim = "Classes cannot be told from sources"
        yield Check(severity="wrong", claim=claim, because=because, part="subgroups")
    elif within.auroc and within.pooled and within.gap and within.gap.low > 0:
        because = (
            f"ROC-AUC {within.pooled.value:.3f} over all pairs and {within.auroc.value:.3f} over those of one source: "
            f"{signed(within.gap)} comes from pairs of different sources."
        )
        claim = "The score falls where images of one source are compared"
        yield Check(severity="doubt", claim=claim, because=because, part="subgroups")


def _called(metrics: RunMetrics) -> Iterator[Check]:
    classes, units = metrics.classes, UNITS[metrics.level]
    called = [sum(row[k] for row in metrics.confusion) for k in range(len(classes))]
    ever = [name for name, count in zip(classes, called, strict=True) if count]
    if len(ever) == 1:
        because = f"All {metrics.n} {units} are called {ever[0]}: this network tells nothing apart."
        yield Check(severity="wrong", claim=f"Every {units[:-1]} gets the same answer", because=because, part="classes")
        return
    for k, (name, count) in enumerate(zip(classes, called, strict=True)):
        held = sum(metrics.confusion[k])
        if not count and held:
            because = f"Its {held} {units} are all called something else."
            yield Check(severity="wrong", claim=f"{name} is never called", because=because, part="classes")


def _weakest(metrics: RunMetrics) -> Iterator[Check]:
    classes = metrics.classes
    ever = [name for k, name in enumerate(classes) if any(row[k] for row in metrics.confusion)]
    if len(ever) == 1:
        return  # said already
    named = [one for one in metrics.per_class if one.support and one.name in ever]
    if named and (worst := min(named, key=lambda one: one.recall)).recall < 1:
        row = metrics.confusion[classes.index(worst.name)]
        others = {name: count for name, count in zip(classes, row, strict=True) if name != worst.name}
        most = max(others, key=lambda name: others[name])
        ends = metrics.intervals.scores.get(f"recall:{worst.name}")
        told = "" if ends is None else " ({:.2f} to {:.2f})".format(*outwards(*ends))
        because = (
            f"{sum(others.values())} of its {worst.support} {UNITS[metrics.level]} are missed, "
            f"{others[most]} of them called {most}: recall {worst.recall:.3f}{told}."
        )
        severity: Severity = "doubt" if ends is None or ends[0] < _HALF else "fine"
        yield Check(severity=severity, claim=f"{worst.name} is found least", because=because, part="classes")
    for name, held in metrics.intervals.few.items():
        because = (
            f"Its intervals, and those of macro averages, hold the truth less often than they say ({held} patients)."
        )
        yield Check(severity="doubt", claim=f"Few patients have {name}", because=because, part="classes")
    few = {name: basis for name, basis in metrics.intervals.areas.items() if is_few(basis)}
    if few:
        because = "; ".join(f"{name}: {basis.text}" for name, basis in few.items()) + "."
        claim = "A ROC-AUC rests on too few pairs to tell good from poor"
        yield Check(severity="doubt", claim=claim, because=because, part="classes")


def _severe(metrics: RunMetrics) -> Iterator[Check]:
    errors, units = metrics.errors, UNITS[metrics.level]
    if not errors:
        return
    under, over = (
        sum(
            count
            for true, row in enumerate(metrics.confusion)
            for call, count in enumerate(row)
            if sign * (true - call) >= _FAR_MISS
        )
        for sign in (1, -1)
    )
    if not under + over:
        because = f"None of {metrics.n} {units} is called two classes off."
        yield Check(severity="fine", claim="No severe errors", because=because, part="worst")
        return
    share = errors.severe
    because = (
        f"{under + over} of {metrics.n} {units} ({100 * share.value:.1f} %, {100 * share.low:.1f} to "
        f"{100 * share.high:.1f}): {under} called too low, {over} too high."
    )
    yield Check(severity="doubt", claim=f"Some {units} are two classes off or more", because=because, part="worst")


def _probabilities(metrics: RunMetrics) -> Iterator[Check]:
    step = metrics.calibration.after or metrics.calibration.before
    skill = step.brier_skill
    if skill and skill.low <= 0:
        ends = "{:.2f} to {:.2f}".format(*outwards(skill.low, skill.high))
        because = f"Brier skill {skill.value:.3f} ({ends}); 0 is what the classes' shares alone reach."
        claim = "Probabilities not shown to say more than the classes' shares"
        yield Check(severity="wrong", claim=claim, because=because, part="probabilities")
    else:
        yield _stated(step)
    yield from _sets(metrics.conformal)


def _stated(step: Calibration) -> Check:
    bins = step.top_label
    over = sum(one.observed.high < one.predicted for one in bins)
    under = sum(one.observed.low > one.predicted for one in bins)
    told = f"calibration error {step.ece:.3f} in {step.bins} equal-count bins, by chance {step.ece_if_calibrated:.3f}."
    if over + under > _BINS_OFF * len(bins):
        how = "too high" if not under else "too low" if not over else "off"
        because = f"{over + under} of {len(bins)} points of the diagram lie outside their interval; {told}"
        return Check(severity="doubt", claim=f"Probabilities are {how}", because=because, part="probabilities")
    claim = "Probabilities not shown to be off"
    return Check(severity="fine", claim=claim, because=told.capitalize(), part="probabilities")


def _sets(conformal: Conformal) -> Iterator[Check]:
    coverage = conformal.coverage
    if coverage.high < conformal.level:
        value, low, high = 100 * coverage.value, 100 * coverage.low, 100 * coverage.high
        because = f"{value:.1f} % ({low:.1f} to {high:.1f}) instead of {100 * conformal.level:.0f} %."
        if whole := sum(fold.threshold is None for fold in conformal.folds):
            because += f" In {whole} of {len(conformal.folds)} folds all sets hold all classes."
        claim = "Sets hold the true class too seldom"
        yield Check(severity="doubt", claim=claim, because=because, part="probabilities")


def _rest(metrics: RunMetrics) -> Iterator[Check]:
    attributes = metrics.subgroups.attributes
    compared = {name: one.corrected for name, one in attributes.items() if one.corrected is not None}
    for name, corrected in compared.items():
        if attributes[name].differs:
            because = f"{p_text(corrected)}, corrected for {len(compared)} comparisons."
            yield Check(severity="doubt", claim=f"Scores differ by {name}", because=because, part="subgroups")
    if compared and not any(attributes[name].differs for name in compared):
        because = f"Compared by {', '.join(compared)}; small differences cannot be seen in {metrics.patients} patients."
        yield Check(severity="fine", claim="No subgroup shown to differ", because=because, part="subgroups")


def _rows(summary: AuditSummary) -> Iterator[Check]:
    dropped = summary.rows - summary.usable
    if dropped > _MANY_DROPPED * summary.rows:
        reasons = ", ".join(f"{reason} {count}" for reason, count in summary.dropped.items())
        because = f"{dropped} of {summary.rows}, more than a tenth: {reasons}."
        yield Check(severity="doubt", claim="Many rows were left out", because=because, part="data")


def _explainers(explainers: Mapping[str, bool | None]) -> Iterator[Check]:
    useless = [name for name, beats in explainers.items() if beats is False]
    if useless:
        because = f"{', '.join(useless)}: not shown to beat maps that do not look at the network."
        some = "Some heat maps are not shown to be faithful"
        claim = some if len(useless) < len(explainers) else "No heat map is shown to be faithful"
        yield Check(severity="doubt", claim=claim, because=because, part="explanations")
