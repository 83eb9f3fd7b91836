"""Checks a run: the sentences at the top of its page about what is wrong or in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from birads_zoo.data.index.audit import AuditSummary
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.evaluation.few import is_few
from birads_zoo.evaluation.words import p_text
from birads_zoo.report.run.source_text import signed
from birads_zoo.report.run.terminal import outwards
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.probabilities import Calibration, Conformal

Severity = Literal["wrong", "doubt", "fine"]

_ORDER: tuple[Severity, ...] = ("wrong", "doubt", "fine")
_MANY_DROPPED = 0.1  # of all rows
_FAR_MISS = 2  # classes
_HALF = 0.5  # a class is in doubt if its recall's interval reaches below this
_BINS_OFF = 0.2  # of 10 points with 95 % intervals, 3 or more are off by chance in about 1 of 100 diagrams


@dataclass(frozen=True, kw_only=True)
class Check:
    """One sentence, the reason for it, and the part of the page that shows more.

    Severity "wrong": the result is useless, or the network misses something entirely. "doubt": look at this. "fine":
    checked, and nothing stands out.
    """

    severity: Severity
    sentence: str
    reason: str
    part: str


def check_run(metrics: RunMetrics, summary: AuditSummary, explainers: Mapping[str, bool | None]) -> list[Check]:
    """Return all checks of a run, the worst first.

    Nothing is measured here. Each sentence repeats what metrics.json, the audit or the explainers' scores say, and its
    severity follows from an interval or a test there. Two limits are fixed: more than a tenth of the rows left out, and
    a class whose recall may be below a half, are in doubt. `explainers` has by name whether the explainer beat its
    baseline maps, `None` if that is not known.
    """
    checks = [
        *_split(metrics),
        *_predicted(metrics),
        *_gain(metrics),
        *_sources(metrics),
        *_severe(metrics),
        *_weakest(metrics),
        *_probabilities(metrics),
        *_subgroups(metrics),
        *_rows(summary),
        *_explainers(explainers),
    ]
    return sorted(checks, key=lambda check: _ORDER.index(check.severity))


def _split(metrics: RunMetrics) -> Iterator[Check]:
    if metrics.leaky and not metrics.leak_proven:
        reason = (
            f"Rows without a patient id may be of patients on both sides of the {metrics.split} split: "
            "then its scores say nothing about new patients."
        )
        sentence = "It cannot be ruled out that the split leaks patients"
        yield Check(severity="wrong", sentence=sentence, reason=reason, part="data")
    elif metrics.leaky:
        reason = (
            f"The {metrics.split} split has images of one patient on both sides: "
            "its scores say nothing about new patients."
        )
        yield Check(severity="wrong", sentence="The split leaks patients", reason=reason, part="data")
    else:
        reason = f"{metrics.patients} patients, each predicted by a network that never saw them."
        yield Check(severity="fine", sentence="No patient is on both sides of the split", reason=reason, part="data")


def _gain(metrics: RunMetrics) -> Iterator[Check]:
    for name, gain in (("macro-F1", metrics.gain.macro_f1), ("ROC-AUC", metrics.gain.macro_auroc)):
        if gain is None:
            continue
        over = gain.over.replace("_", " ")
        ends = f"{gain.low:+.3f} to {gain.high:+.3f}"
        reason = f"{name} {gain.value:+.3f} ({ends}) over {over}, which does not look at the breast."
        if gain.low > 0:
            yield Check(severity="fine", sentence=f"Beats the best shortcut in {name}", reason=reason, part="shortcuts")
        elif gain.high < 0:
            yield Check(severity="wrong", sentence=f"Worse than a shortcut in {name}", reason=reason, part="shortcuts")
        else:
            sentence = f"Not shown to beat the best shortcut in {name}"
            yield Check(severity="wrong", sentence=sentence, reason=reason, part="shortcuts")
    for name, scores in metrics.shortcuts.items():
        if scores.flagged and scores.p_value is not None:
            reason = (
                f"It reaches {scores.over_chance:+.3f} macro-F1 over chance ({p_text(scores.p_value)}): "
                "the network may have learned the same."
            )
            sentence = f"The shortcut “{name.replace('_', ' ')}” works on this data"
            yield Check(severity="doubt", sentence=sentence, reason=reason, part="shortcuts")


def _sources(metrics: RunMetrics) -> Iterator[Check]:
    sources = metrics.subgroups.attributes.get("source")
    if sources is None or (within := sources.within) is None:
        return
    if within.alone:
        reason = f"No source has {' or '.join(within.alone)} beside another class: the source may give the class away."
        sentence = "Classes cannot be separated from sources"
        yield Check(severity="wrong", sentence=sentence, reason=reason, part="subgroups")
    elif within.auroc and within.pooled and within.gap and within.gap.low > 0:
        reason = (
            f"ROC-AUC {within.pooled.value:.3f} over all pairs and {within.auroc.value:.3f} over those of one source: "
            f"{signed(within.gap)} comes from pairs of different sources."
        )
        sentence = "The score is lower within one source"
        yield Check(severity="doubt", sentence=sentence, reason=reason, part="subgroups")


def _predicted(metrics: RunMetrics) -> Iterator[Check]:
    classes, units = metrics.classes, UNITS[metrics.level]
    predicted = [sum(row[k] for row in metrics.confusion) for k in range(len(classes))]
    ever = [name for name, count in zip(classes, predicted, strict=True) if count]
    if len(ever) == 1:
        reason = f"All {metrics.n} {units} are predicted as {ever[0]}: this network does not tell classes apart."
        sentence = f"Every {units[:-1]} gets the same prediction"
        yield Check(severity="wrong", sentence=sentence, reason=reason, part="classes")
        return
    for k, (name, count) in enumerate(zip(classes, predicted, strict=True)):
        support = sum(metrics.confusion[k])
        if not count and support:
            reason = f"All {support} of its {units} are predicted as another class."
            yield Check(severity="wrong", sentence=f"{name} is never predicted", reason=reason, part="classes")


def _weakest(metrics: RunMetrics) -> Iterator[Check]:
    classes = metrics.classes
    ever = [name for k, name in enumerate(classes) if any(row[k] for row in metrics.confusion)]
    if len(ever) == 1:
        return  # `_predicted` has reported it
    named = [scores for scores in metrics.per_class if scores.support and scores.name in ever]
    if named and (worst := min(named, key=lambda scores: scores.recall)).recall < 1:
        row = metrics.confusion[classes.index(worst.name)]
        others = {name: count for name, count in zip(classes, row, strict=True) if name != worst.name}
        most = max(others, key=lambda name: others[name])
        ends = metrics.intervals.scores.get(f"recall:{worst.name}")
        interval = "" if ends is None else " ({:.2f} to {:.2f})".format(*outwards(*ends))
        reason = (
            f"{sum(others.values())} of its {worst.support} {UNITS[metrics.level]} are missed, "
            f"{others[most]} of them predicted as {most}: recall {worst.recall:.3f}{interval}."
        )
        severity: Severity = "doubt" if ends is None or ends[0] < _HALF else "fine"
        yield Check(severity=severity, sentence=f"{worst.name} has the lowest recall", reason=reason, part="classes")
    for name, patients in metrics.intervals.few.items():
        reason = f"Its intervals and those of macro averages are too narrow ({patients} patients)."
        yield Check(severity="doubt", sentence=f"Few patients have {name}", reason=reason, part="classes")
    few = {name: basis for name, basis in metrics.intervals.areas.items() if is_few(basis)}
    if few:
        reason = "; ".join(f"{name}: {basis.text}" for name, basis in few.items()) + "."
        sentence = "A ROC-AUC rests on too few pairs to tell good from poor"
        yield Check(severity="doubt", sentence=sentence, reason=reason, part="classes")


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
        reason = f"None of {metrics.n} {units} is predicted two or more classes off."
        yield Check(severity="fine", sentence="No severe errors", reason=reason, part="worst")
        return
    share = errors.severe
    reason = (
        f"{under + over} of {metrics.n} {units} ({100 * share.value:.1f} %, {100 * share.low:.1f} to "
        f"{100 * share.high:.1f}): {under} predicted too low, {over} too high."
    )
    yield Check(severity="doubt", sentence=f"Some {units} are two classes off or more", reason=reason, part="worst")


def _probabilities(metrics: RunMetrics) -> Iterator[Check]:
    step = metrics.calibration.after or metrics.calibration.before
    skill = step.brier_skill
    if skill and skill.low <= 0:
        ends = "{:.2f} to {:.2f}".format(*outwards(skill.low, skill.high))
        reason = f"Brier skill {skill.value:.3f} ({ends}); 0 is the score of the classes' shares alone."
        sentence = "Probabilities not shown to say more than the classes' shares"
        yield Check(severity="wrong", sentence=sentence, reason=reason, part="probabilities")
    else:
        yield _stated(step)
    yield from _sets(metrics.conformal)


def _stated(step: Calibration) -> Check:
    bins = step.top_label
    over = sum(point.observed.high < point.predicted for point in bins)
    under = sum(point.observed.low > point.predicted for point in bins)
    error = f"calibration error {step.ece:.3f} in {step.bins} equal-count bins, by chance {step.ece_if_calibrated:.3f}."
    if over + under > _BINS_OFF * len(bins):
        direction = "too high" if not under else "too low" if not over else "off"
        reason = f"{over + under} of {len(bins)} points of the diagram are outside their interval; {error}"
        return Check(severity="doubt", sentence=f"Probabilities are {direction}", reason=reason, part="probabilities")
    sentence = "Probabilities not shown to be off"
    return Check(severity="fine", sentence=sentence, reason=error.capitalize(), part="probabilities")


def _sets(conformal: Conformal) -> Iterator[Check]:
    coverage = conformal.coverage
    if coverage.high < conformal.level:
        value, low, high = 100 * coverage.value, 100 * coverage.low, 100 * coverage.high
        reason = f"{value:.1f} % ({low:.1f} to {high:.1f}) instead of {100 * conformal.level:.0f} %."
        if all_classes := sum(fold.threshold is None for fold in conformal.folds):
            reason += f" In {all_classes} of {len(conformal.folds)} folds all sets hold all classes."
        sentence = "Sets hold the true class too seldom"
        yield Check(severity="doubt", sentence=sentence, reason=reason, part="probabilities")


def _subgroups(metrics: RunMetrics) -> Iterator[Check]:
    attributes = metrics.subgroups.attributes
    compared = {name: attribute.corrected for name, attribute in attributes.items() if attribute.corrected is not None}
    for name, corrected in compared.items():
        if attributes[name].differs:
            reason = f"{p_text(corrected)}, corrected for {len(compared)} comparisons."
            yield Check(severity="doubt", sentence=f"Scores differ by {name}", reason=reason, part="subgroups")
    if compared and not any(attributes[name].differs for name in compared):
        reason = f"Compared by {', '.join(compared)}; small differences cannot be seen in {metrics.patients} patients."
        yield Check(severity="fine", sentence="No subgroup shown to differ", reason=reason, part="subgroups")


def _rows(summary: AuditSummary) -> Iterator[Check]:
    dropped = summary.rows - summary.usable
    if dropped > _MANY_DROPPED * summary.rows:
        reasons = ", ".join(f"{reason} {count}" for reason, count in summary.dropped.items())
        reason = f"{dropped} of {summary.rows}, more than a tenth: {reasons}."
        yield Check(severity="doubt", sentence="Many rows were left out", reason=reason, part="data")


def _explainers(explainers: Mapping[str, bool | None]) -> Iterator[Check]:
    useless = [name for name, beats in explainers.items() if beats is False]
    if useless:
        reason = f"{', '.join(useless)}: not shown to beat maps that do not depend on the network."
        some_text = "Some heat maps are not shown to be faithful"
        sentence = some_text if len(useless) < len(explainers) else "No heat map is shown to be faithful"
        yield Check(severity="doubt", sentence=sentence, reason=reason, part="explanations")
