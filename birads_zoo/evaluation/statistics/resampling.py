"""Resamples of whole patients, as weights that count how often each row is in each resample."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

_NUMBERS_AT_ONCE = 2**23  # 64 MiB of weights; scores make a few arrays of that size


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


def cluster_weights(patients: NDArray[np.str_], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each of n rows is in each resample of P patients, drawn with replacement: (resamples, n).

    A resample holds all rows of a patient or none, so what is computed from the weights varies as it would with other
    patients of the same population. This is the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, ch. 3.8; Field and Welsh, J. R. Statist. Soc. B 69, 2007). It assumes that patients are
    independent of each other; the rows of a patient may depend on each other in any way.
    """
    of = clusters(patients)
    count = int(of.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, of].astype(np.float64)


def without_each(
    scores: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]], patients: NDArray[np.str_]
) -> dict[str, NDArray[np.float64]]:
    """Return statistics by name, (P,) each, of n rows, leaving out each of P patients in turn (the cluster jackknife).

    `scores` takes weights (B, n) of the rows, 0 for the patient left out and 1 otherwise, and returns B values by name.
    It is called for blocks of patients, so that memory stays bounded for any P and n.
    """
    of = clusters(patients)
    left_out = np.array_split(np.arange(int(of.max()) + 1), -(-(int(of.max()) + 1) * len(of) // _NUMBERS_AT_ONCE))
    blocks = [scores((of[None, :] != some[:, None]).astype(np.float64)) for some in left_out]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
