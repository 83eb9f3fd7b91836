"""What is said beside scores that rest on too few patients or pairs."""

from __future__ import annotations

from birads_zoo.evaluation.pairs import FEWEST_PAIRS, FEWEST_PATIENTS
from birads_zoo.results.pairs import Pairs
from birads_zoo.results.scores import Measured


def few_note(metrics: Measured) -> str:
    """Say which classes have so few patients that intervals are not to be relied on; "" where none has."""
    about = metrics.intervals
    if not about.few:
        return ""
    held = ", ".join(f"{name} {count}" for name, count in about.few.items())
    return (
        f"† fewer than {about.few_below} patients ({held}): its intervals and those of macro averages hold the truth"
        " less often than they say"
    )


def areas_note(metrics: Measured) -> str:
    """Say what the mark ‡ at a ROC-AUC means; "" where none has it."""
    if not few_areas(metrics):
        return ""
    return (
        f"‡ fewer than {FEWEST_PAIRS} pairs within folds, or {FEWEST_PATIENTS} patients with the class or without it"
        f" ({few_areas(metrics).partition(': ')[2]}): a ROC-AUC of so few cannot tell a good network from a poor one"
    )


def few_areas(metrics: Measured) -> str:
    """Say of which classes the ROC-AUC rests on too few pairs; "" where none does. Of two classes it is one area."""
    areas = metrics.intervals.areas
    few = {name: basis for name, basis in areas.items() if basis.few and basis.pairs}
    if not few:
        return ""
    if len(areas) == 2:
        return next(iter(few.values())).warning
    return f"too few pairs: {'; '.join(f'{name} {basis.text}' for name, basis in few.items())}"


def is_few(basis: Pairs | None) -> bool:
    """Tell whether an area is known to rest on too few pairs."""
    return basis is not None and basis.few and basis.pairs > 0


def also_few(basis: Pairs | None) -> str:
    """Return the warning, to go on in a bracket, where an area rests on too few pairs."""
    return f"; {basis.warning}" if basis is not None and is_few(basis) else ""
