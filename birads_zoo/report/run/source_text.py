"""How a run scores within the sources of its pictures, such as scanners or hospitals, in words."""

from __future__ import annotations

from birads_zoo.evaluation.few import also_few
from birads_zoo.report.run.text import outwards, with_interval
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.subgroups import Within


def by_source(metrics: RunMetrics) -> list[str]:
    """Say in a line each what the score is of each source, and of pairs within one; [] where one source is known."""
    found = metrics.subgroups
    sources = found.attributes.get("source")
    if sources is None:
        return []
    each = []
    for group in sources.groups:
        score = found.compared(group)
        said = "too few for a score" if score is None else f"ROC-AUC {with_interval(score)}"
        each.append(f"{group.value} {said} (n = {group.n}, {group.patients} patients{also_few(group.basis)})")
    lines = [f"by source: {' · '.join(each)}"]
    return lines if sources.within is None else [*lines, f"within one source: {within_text(sources.within)}"]


def within_text(within: Within) -> str:
    """Say what the score is of pairs that have one value, and how much of the pooled one that leaves."""
    if within.alone:
        never = f"no {' and no '.join(within.alone)} beside another class"
        return f"{never}, so classes cannot be told from what the value gives away"
    if within.gap is None:
        return f"too few patients for a score ({within.basis.text})"
    return (
        f"ROC-AUC {with_interval(within.auroc)}, pooled {with_interval(within.pooled)}: "
        f"pairs across add {signed(within.gap)}"
        f"  (weighted by pairs: {within.basis.text}{also_few(within.basis)})"
    )


def signed(gap: Estimate) -> str:
    """Return a difference with its ends, as "+0.093 (+0.05 to +0.14)"."""
    low, high = outwards(gap.low, gap.high)
    return f"{gap.value:+.3f} ({low:+.2f} to {high:+.2f})"
