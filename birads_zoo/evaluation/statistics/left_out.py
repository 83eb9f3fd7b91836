"""Computes statistics of n rows without each of P patients in turn (the cluster jackknife), in time linear in n.

Nothing is computed P times. A sum without a patient is the sum of all rows less that of hers. An area without her is
the pairs that are won less the pairs with a row of hers, which follow from the rows' placements: how many rows of the
other kind a row is ranked right against (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

`of` (n,) holds each row's patient, 0 … P − 1 (`resampling.clusters`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.weighted import scores_of

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_CELLS_AT_ONCE = 2**22  # 32 MiB of confusion matrices; scores make a few arrays of that size


def sums_without_each(columns: NDArray[Any], of: Numbers) -> Floats:
    """Return the sums (P, m) of m columns (n, m) over the rows of all other patients."""
    own = np.stack([np.bincount(of, column) for column in columns.T], axis=1)
    sums: Floats = own.sum(axis=0) - own
    return sums


def scores_without_each(
    labels: Numbers,
    probabilities: Floats,
    folds: Numbers,
    of: Numbers,
    ordinal: bool,
    names: Collection[str] | None = None,
) -> dict[str, Floats]:
    """Return each metric (P,) of the rows of all other patients; arguments and NaN are as in `weighted_scores`."""
    return scores_of(
        labels,
        probabilities,
        folds,
        ordinal,
        names,
        cells=partial(_cells_without_each, of=of),
        area=partial(area_without_each, of=of),
    )


def area_without_each(positive: NDArray[np.bool_], scores: Floats, folds: Numbers, of: Numbers) -> Floats:
    """Return `weighted.area` (P,) of the rows of all other patients; NaN where no fold has a pair left."""
    _, fold = np.unique(folds, return_inverse=True)
    won, met = _placements(positive, scores, fold)
    own_won, own_met = _placements(positive, scores, fold * (of.max() + 1) + of)

    def left(each: Floats, own: Floats) -> Floats:
        """Sum over pairs; `each` and `own` have every pair twice, and `own` has the pairs of a patient's own rows."""
        rest: Floats = each.sum() / 2 - np.bincount(of, each) + np.bincount(of, own) / 2
        return rest

    pairs = left(met, own_met)
    area: Floats = np.divide(left(won, own_won), pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
    return area


def average_precision_without_each(positive: NDArray[np.bool_], scores: Floats, of: Numbers) -> Floats:
    """Return `curves.average_precision` (P,) of the rows of all other patients; NaN without positives or negatives.

    From one row of a patient to her next, down the ranking, the same number of her rows is missing above each
    threshold. So her average precision is the sum of a few segments of sums that all patients with such numbers share.
    """
    _, group = np.unique(-scores, return_inverse=True)  # 0 … T − 1, the strictest threshold first
    gained = np.bincount(group, positive)
    caught, called = np.cumsum(gained), np.cumsum(np.bincount(group))
    pairs, row = np.unique(of * len(gained) + group, return_inverse=True)
    patient, start = np.divmod(pairs, len(gained))
    own_gain, own_rows = np.bincount(row, positive), np.bincount(row)
    first = np.flatnonzero(np.r_[True, patient[1:] != patient[:-1]])  # of each patient's groups
    end = np.r_[start[1:], len(gained)]
    end[np.r_[first[1:], len(start)] - 1] = len(gained)
    missing = np.stack([_within(own_gain, first), _within(own_rows, first)], axis=1).astype(np.int64)

    parts = np.zeros(len(start))
    distinct, which = np.unique(missing, axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for (hits, rows), some in zip(distinct, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True):
        low, high = int(start[some].min()), int(end[some].max())
        precision = _precision(caught[low:high] - hits, called[low:high] - rows)
        sums = np.r_[0.0, np.cumsum(gained[low:high] * precision)]
        parts[some] = sums[end[some] - low] - sums[start[some] - low] - own_gain[some] * precision[start[some] - low]
    untouched = np.r_[0.0, np.cumsum(gained * _precision(caught, called))][start[first]]
    hits, rows = np.bincount(of, positive), np.bincount(of)
    positives, negatives = caught[-1] - hits, called[-1] - caught[-1] - (rows - hits)
    area: Floats = np.divide(
        untouched + np.bincount(patient, parts),
        positives,
        out=np.full(len(hits), np.nan),
        where=(positives > 0) & (negatives > 0),
    )
    return area


def _cells_without_each(cells: Numbers, count: int, of: Numbers) -> Iterator[Floats]:
    """Yield the numbers (b, count) of rows in each cell, for b patients left out at a time."""
    total, order = np.bincount(cells, minlength=count), np.argsort(of, kind="stable")
    patients = int(of.max()) + 1
    ends = np.searchsorted(of[order], np.arange(patients + 1))
    step = max(_CELLS_AT_ONCE // count, 1)
    for first in range(0, patients, step):
        last = min(first + step, patients)
        rows = order[ends[first] : ends[last]]
        own = np.bincount((of[rows] - first) * count + cells[rows], minlength=(last - first) * count)
        yield (total - own.reshape(-1, count)).astype(np.float64)


def _placements(positive: NDArray[np.bool_], scores: Floats, parts: Numbers) -> tuple[Floats, Floats]:
    """Return against how many rows of the other kind each row is ranked right, and how many of them its part has.

    Ties count half.
    """
    order = np.lexsort((scores, parts))
    ranked, is_positive, part = scores[order], positive[order], parts[order]
    new_part = np.r_[True, part[1:] != part[:-1]]
    new_tie = new_part | np.r_[True, ranked[1:] != ranked[:-1]]
    first = np.flatnonzero(new_part)
    size = np.diff(np.r_[first, len(order)])
    right, met = np.empty(len(order)), np.empty(len(order))
    ties = np.flatnonzero(new_tie)
    tie_size = np.diff(np.r_[ties, len(order)])
    for kind, other in ((is_positive, ~is_positive), (~is_positive, is_positive)):
        others = np.repeat(np.add.reduceat(other.astype(np.float64), first), size)
        tied = np.repeat(np.add.reduceat(other.astype(np.float64), ties), tie_size)
        cumulated = np.cumsum(other.astype(np.float64))
        up_to = cumulated - np.repeat(cumulated[first] - other[first], size)  # of the part, this row included
        up_to = np.repeat(up_to[np.r_[ties[1:], len(order)] - 1], tie_size)  # all of the tie included
        beaten = up_to - tied / 2 if kind is is_positive else others - up_to + tied / 2
        right[order[kind]], met[order[kind]] = beaten[kind], others[kind]
    return right, met


def _within(values: NDArray[Any], first: Numbers) -> Floats:
    """Cumulate `values` anew from each of the places `first` on."""
    cumulated = np.cumsum(values)
    before = np.r_[0, cumulated[first[1:] - 1]]
    sums: Floats = cumulated - np.repeat(before, np.diff(np.r_[first, len(values)]))
    return sums


def _precision(hits: NDArray[Any], rows: NDArray[Any]) -> Floats:
    precision: Floats = np.divide(hits, rows, out=np.zeros(len(rows)), where=rows > 0)
    return precision
