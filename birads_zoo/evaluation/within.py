"""ROC-AUC within each value of an attribute, such as one scanner, next to that of all rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.pairs import fewest, pairs_by_class
from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.intervals import ESTIMABLE, estimate, intervals
from birads_zoo.evaluation.statistics.left_out import scores_without_each
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.evaluation.statistics.weighted import weighted_scores
from birads_zoo.results.subgroups import Within

Values = NDArray[np.float64]


def score_within(
    labels: NDArray[np.int64],
    probabilities: Values,
    patients: NDArray[np.str_],
    folds: NDArray[np.int64],
    values: NDArray[np.str_],
    classes: Sequence[str],
    *,
    ordinal: bool,
) -> Within:
    """Return the macro ROC-AUC of n rows, where only rows with the same value, such as one scanner, are compared.

    `labels` (n,), `probabilities` (n, K) and `folds` (n,) are as in `evaluation.metrics.evaluate`; `values` (n,) are
    all known. Rows are compared only within a fold and a value, and the areas are averaged with their pairs as weights.
    This is a stratified, or covariate-adjusted, area (Janes and Pepe, Biometrika 96, 2009). A network that only
    recognises the value, such as a scanner's film, scores 0.5. `pooled` compares the same rows regardless of their
    values. `gap` is `pooled` minus `auroc`: the part of the score that comes from pairs of different values. Intervals:
    `intervals.intervals` and, for the gap, `intervals.estimate`.

    All are `None` in two cases. First, where a class has an area among all rows but none within a value: then the class
    cannot be separated from the value (`alone`). Second, where a class's pairs within a value come from fewer than
    `intervals.ESTIMABLE` patients with it or without it, however many it has elsewhere: the error of such an area is
    unknown.
    """
    _, strata = np.unique(np.char.add(np.char.add(folds.astype(np.str_), "\n"), values), return_inverse=True)
    inside, everywhere = (pairs_by_class(labels, patients, parts, classes) for parts in (strata, folds))
    basis = fewest(inside)
    alone = tuple(name for name in inside if everywhere[name].pairs and not inside[name].pairs)
    if alone or basis.patients < ESTIMABLE:
        return Within(auroc=None, pooled=None, gap=None, alone=alone, basis=basis)

    pooled, within = (
        intervals(
            labels,
            OutOfFold(probabilities=probabilities[None], folds=parts[None]),
            patients,
            ordinal=ordinal,
            names=("macro_auroc",),
        )["macro_auroc"]
        for parts in (folds, strata)
    )
    of, once, name = clusters(patients), np.ones((1, len(labels))), "macro_auroc"
    full = [weighted_scores(labels, probabilities, parts, once, ordinal, (name,))[name] for parts in (folds, strata)]
    left = [scores_without_each(labels, probabilities, parts, of, ordinal, (name,))[name] for parts in (folds, strata)]
    gap = estimate(float(full[0][0] - full[1][0]), left[0] - left[1])
    known = pooled is not None and within is not None
    return Within(auroc=within, pooled=pooled, gap=gap if known else None, alone=(), basis=basis)
