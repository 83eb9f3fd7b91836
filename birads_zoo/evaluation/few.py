"""Notes beside scores that rest on too few patients or pairs."""

from __future__ import annotations

from birads_zoo.evaluation.pairs import FEWEST_PAIRS, FEWEST_PATIENTS
from birads_zoo.results.pairs import Pairs
from birads_zoo.results.scores import Measured


def few_note(metrics: Measured) -> str:
    """Return a note naming the classes with too few patients for reliable intervals; "" where there are none."""
    about = metrics.intervals
    if not about.few:
        return ""
    counts = ", ".join(f"{name} {count}" for name, count in about.few.items())
    return (
        f"† fewer than {about.few_below} patients ({counts}): the class's intervals and those of macro averages are"
        " too narrow"
    )


def areas_note(metrics: Measured) -> str:
    """Return a note on what the mark ‡ at a ROC-AUC means; "" where no ROC-AUC has it."""
    if not few_areas(metrics):
        return ""
    return (
        f"‡ fewer than {FEWEST_PAIRS} pairs within folds, or {FEWEST_PATIENTS} patients with the class or without it"
        f" ({few_areas(metrics).partition(': ')[2]}): a ROC-AUC of so few cannot tell a good network from a poor one"
    )


def few_areas(metrics: Measured) -> str:
    """Return a sentence naming the classes whose ROC-AUC rests on too few pairs; "" where there are none.

    Two classes have one area between them.
    """
    areas = metrics.intervals.areas
    few = {name: basis for name, basis in areas.items() if basis.few and basis.pairs}
    if not few:
        return ""
    if len(areas) == 2:
        return next(iter(few.values())).warning
    return f"too few pairs: {'; '.join(f'{name} {basis.text}' for name, basis in few.items())}"


def is_few(basis: Pairs | None) -> bool:
    """Return whether an area is known to rest on too few pairs."""
    return basis is not None and basis.few and basis.pairs > 0


def also_few(basis: Pairs | None) -> str:
    """Return the warning, as the continuation of a bracket, where an area rests on too few pairs; else ""."""
    return f"; {basis.warning}" if basis is not None and is_few(basis) else ""
