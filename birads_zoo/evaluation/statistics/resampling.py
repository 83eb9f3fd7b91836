"""Numbers patients, and draws resamples of whole patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NUMBERS_AT_ONCE = 2**22  # 16 MiB of sums over rows; statistics make a few arrays of that size


def clusters(patients: NDArray[np.str_]) -> NDArray[np.int64]:
    """Number the clusters of n rows, 0 … P−1. A patient's rows are one cluster, as is each row without a patient."""
    unknown = np.char.strip(patients.astype(np.str_)) == ""
    named = np.unique(patients.astype(np.str_), return_inverse=True)[1]
    alone = len(patients) + np.arange(len(patients))
    numbers: NDArray[np.int64] = np.unique(np.where(unknown, alone, named), return_inverse=True)[1]
    return numbers


def persons(patients: NDArray[np.str_]) -> int:
    """Count the patients of n rows; rows without an id are not counted."""
    return len(set(np.char.strip(patients.astype(np.str_)).tolist()) - {""})


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """B resamples of P patients, drawn with replacement, and the n rows of these patients.

    `counts` (B, P) says how often each patient is in each resample, `of` (n,) whose each row is.
    """

    counts: NDArray[np.uint8]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B."""
        return len(self.counts)

    def part(self, rows: NDArray[np.int64]) -> Resamples:
        """Return the same resamples with some of the rows."""
        return Resamples(counts=self.counts, of=self.of[rows])

    def blocks(self) -> Iterator[Resamples]:
        """Yield some of the resamples at a time, so that sums over the rows of all of them fit into memory."""
        step = max(_NUMBERS_AT_ONCE // max(len(self.of), 1), 1)
        for first in range(0, len(self), step):
            yield Resamples(counts=self.counts[first : first + step], of=self.of)

    def repeats(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return how often each of `rows` (m,) is in each resample, (B, m)."""
        return np.take(self.counts, self.of[rows], axis=1).astype(np.int32)  # sums of this type are fast

    def cumulated(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return how many of the first 0 … m of `rows` (m,) are in each resample, repeats included: (B, m + 1)."""
        sums = np.zeros((len(self), len(rows) + 1), np.int32)
        np.cumsum(self.repeats(rows), axis=1, out=sums[:, 1:])
        return sums


def all_rows(of: NDArray[np.int64]) -> Resamples:
    """Return all rows once, as the only resample; `of` (n,) is whose each row is."""
    return Resamples(counts=np.ones((1, int(of.max()) + 1), np.uint8), of=of)


def resample(patients: NDArray[np.str_], resamples: int, generator: np.random.Generator) -> Resamples:
    """Draw as many patients as n rows have, with replacement, `resamples` times.

    A resample holds all rows of a patient or none, so what is computed from it varies as it would with other patients
    of the same population. This is the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, ch. 3.8; Field and Welsh, J. R. Statist. Soc. B 69, 2007). It assumes that patients are
    independent of each other; the rows of a patient may depend on each other in any way.
    """
    of = clusters(patients)
    count = int(of.max()) + 1
    step = max(_NUMBERS_AT_ONCE // count, 1)
    drawn = [
        # With up to 255 patients no count is larger; with more, one is with a chance below 1e-500.
        np.minimum(generator.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - first)), 255)
        for first in range(0, resamples, step)
    ]
    return Resamples(counts=np.concatenate([block.astype(np.uint8) for block in drawn]), of=of)
