"""Formats a run's scores by the sources of its pictures, such as scanners or hospitals, as lines of text."""

from __future__ import annotations

from birads_zoo.evaluation.few import also_few
from birads_zoo.report.run.terminal import outwards, with_interval
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.subgroups import Within


def by_source(metrics: RunMetrics) -> list[str]:
    """Return a line with the score of each source, and one with the score within sources; [] without known sources."""
    results = metrics.subgroups
    sources = results.attributes.get("source")
    if sources is None:
        return []
    sources_text = []
    for group in sources.groups:
        score = results.compared(group)
        text = "too few for a score" if score is None else f"ROC-AUC {with_interval(score)}"
        sources_text.append(f"{group.value} {text} (n = {group.n}, {group.patients} patients{also_few(group.basis)})")
    lines = [f"by source: {' · '.join(sources_text)}"]
    return lines if sources.within is None else [*lines, f"within one source: {within_text(sources.within)}"]


def within_text(within: Within) -> str:
    """Return the score over pairs of rows from one source, and how much pairs across sources add, as text."""
    if within.alone:
        never = f"no {' and no '.join(within.alone)} beside another class"
        return f"{never}, so the source may give the class away"
    if within.gap is None:
        return f"too few patients for a score ({within.basis.text})"
    return (
        f"ROC-AUC {with_interval(within.auroc)}, pooled {with_interval(within.pooled)}: "
        f"pairs across add {signed(within.gap)}"
        f"  (weighted by pairs: {within.basis.text}{also_few(within.basis)})"
    )


def signed(gap: Estimate) -> str:
    """Return a difference with its interval, as "+0.093 (+0.05 to +0.14)"."""
    low, high = outwards(gap.low, gap.high)
    return f"{gap.value:+.3f} ({low:+.2f} to {high:+.2f})"
