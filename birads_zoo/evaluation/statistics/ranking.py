"""Areas, and points of ROC and precision-recall curves, of resamples of patients.

Rows are ranked once. What a resample changes is only how often each row counts, so its curve follows from cumulated
counts of the positive rows and of the negative rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.resampling import Resamples

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

NEAR = 1e-9  # as a share: a rate that should be 0.8 may come out of sums as 0.8 ± 1e-16


def resampled_area(positive: NDArray[np.bool_], scores: Floats, folds: Numbers, resamples: Resamples) -> Floats:
    """Return `weighted.area` (B,) of n rows in B resamples; NaN where no fold has a pair."""
    won, pairs = np.zeros(len(resamples)), np.zeros(len(resamples))
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        order = rows[np.argsort(scores[rows], kind="stable")]
        high, low = order[positive[order]], order[~positive[order]]
        below, up_to = (np.searchsorted(scores[low], scores[high], side=side) for side in ("left", "right"))
        places = (below,) if np.array_equal(below, up_to) else (below, up_to)  # ties count half
        start = 0
        for block in resamples.blocks():
            beaten = block.cumulated(low)
            repeats = block.repeats(high)
            some = slice(start, start := start + len(block))
            for place in places:
                beats = np.einsum("bi,bi->b", np.take(beaten, place, axis=1), repeats, dtype=np.float64)
                won[some] += beats / len(places)
            pairs[some] += repeats.sum(axis=1, dtype=np.int64) * beaten[:, -1]
    return np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """n rows from the highest score down: `positives` (N₁,) and `negatives` (N₀,) are their numbers.

    Of each distinct score of the I that positive rows have, `ends` (I,) counts the positive rows that score at least
    that, and `passed` (I,) the negative rows. Of each of the J that negative rows have, `other_ends` (J,) counts the
    negative rows that score at least that, `above` (J,) the positive rows that score more, and `level` (J,) the
    positive rows that score at least that.
    """

    positives: Numbers
    negatives: Numbers
    ends: Numbers
    passed: Numbers
    other_ends: Numbers
    above: Numbers
    level: Numbers

    def blocks(self, resamples: Resamples) -> Iterator[Counts]:
        """Yield the cumulated counts of some of the resamples at a time."""
        for block in resamples.blocks():
            yield Counts(ranking=self, caught=block.cumulated(self.positives), alarms=block.cumulated(self.negatives))


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """How many rows are positive in B resamples: `caught` (B, N₁ + 1) and `alarms` (B, N₀ + 1), as cumulated counts.

    Both start with 0 rows, and go on in the order of `ranking`.
    """

    ranking: Ranking
    caught: NDArray[np.int32]
    alarms: NDArray[np.int32]

    def sensitivities(self, rates: Floats, *, between: bool = False) -> Floats:
        """Return the largest sensitivities (B, G) at thresholds with at most these false positive rates (G,).

        They are chosen for each resample; NaN for one without positives or without negatives. With `between`, points of
        the line between two thresholds count too: it joins tied rows as the curve is drawn.
        """
        caught, order = self.caught, self.ranking
        misses = np.take(self.alarms, np.r_[0, order.other_ends], axis=1)
        allowed = self.alarms[:, -1:] * (rates + NEAR)
        own, at = np.arange(len(caught))[:, None], _first_beyond(misses[:, 1:], allowed)
        hits = caught[own, np.r_[order.above, len(order.positives)][at]].astype(np.float64)
        if between:
            more = caught[own, np.r_[order.level, len(order.positives)][at]] - hits
            before, after = misses[own, at], misses[own, np.minimum(at + 1, len(order.other_ends))]
            hits += np.divide((allowed - before) * more, after - before, out=np.zeros_like(hits), where=after > before)
        return _shares(hits, caught[:, -1:], self.alarms[:, -1:])

    def reach(self, sensitivities: Floats) -> tuple[Floats, Floats]:
        """Return specificities and precisions (B, G) at the strictest thresholds with these sensitivities (G,) > 0.

        They are chosen for each resample; NaN for one without positives or without negatives.
        """
        positives, negatives = self.caught[:, -1:], self.alarms[:, -1:]
        hits = np.take(self.caught, self.ranking.ends, axis=1)
        own, at = np.arange(len(hits))[:, None], _first_reached(hits, positives * (sensitivities - NEAR))
        right, wrong = hits[own, at].astype(np.float64), self.alarms[own, self.ranking.passed[at]].astype(np.float64)
        precisions = _shares(right, right + wrong, np.minimum(positives, negatives))
        return 1 - _shares(wrong, negatives, positives), precisions


def rank(positive: NDArray[np.bool_], scores: Floats) -> Ranking:
    """Rank n rows by their `scores` (n,), of which some are `positive` (n,) and some are not."""
    order = np.argsort(-scores, kind="stable")
    positives, negatives = order[positive[order]], order[~positive[order]]
    high, low = -scores[positives], -scores[negatives]
    own, other = np.unique(high), np.unique(low)
    return Ranking(
        positives=positives,
        negatives=negatives,
        ends=np.searchsorted(high, own, side="right"),
        passed=np.searchsorted(low, own, side="right"),
        other_ends=np.searchsorted(low, other, side="right"),
        above=np.searchsorted(high, other, side="left"),
        level=np.searchsorted(high, other, side="right"),
    )


def _first_beyond(rising: NDArray[np.int32], limits: Floats) -> Numbers:
    """Return for each row of `rising` (B, m) the first place whose number is above each of its `limits` (B, G)."""
    whole = np.floor(limits).astype(np.int32)
    return np.stack([np.searchsorted(row, own, side="right") for row, own in zip(rising, whole, strict=True)])


def _first_reached(rising: NDArray[np.int32], limits: Floats) -> Numbers:
    """Return for each row of `rising` (B, m) the first place whose number is at least each of its `limits` (B, G)."""
    whole = np.ceil(limits).astype(np.int32)
    return np.stack([np.searchsorted(row, own, side="left") for row, own in zip(rising, whole, strict=True)])


def _shares(part: Floats, whole: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Divide where there are positives and negatives; NaN elsewhere."""
    defined = (whole > 0) & (other > 0) & np.ones(part.shape, bool)
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=defined)
    return shares
