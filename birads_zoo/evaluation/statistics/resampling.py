"""Resamples of whole patients, as weights: how often each row is in each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

_NUMBERS_AT_ONCE = 2**23  # 64 MiB of weights; scores make a few arrays of that size


def clusters(patients: NDArray[np.str_]) -> NDArray[np.int64]:
    """Number the clusters of n rows, 0 … P−1: a patient's rows are one, and each row without a patient is its own."""
    unknown = np.char.strip(patients.astype(np.str_)) == ""
    named = np.unique(patients.astype(np.str_), return_inverse=True)[1]
    alone = len(patients) + np.arange(len(patients))
    found: NDArray[np.int64] = np.unique(np.where(unknown, alone, named), return_inverse=True)[1]
    return found


def persons(patients: NDArray[np.str_]) -> int:
    """Count the patients of n rows; a row without an id tells of nobody."""
    return len(set(np.char.strip(patients.astype(np.str_)).tolist()) - {""})


def cluster_weights(patients: NDArray[np.str_], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return (resamples, n): how often each of n rows is in each resample of P patients, drawn with replacement.

    All rows of a patient come and go together, so what is computed from the weights varies as it would with other
    patients of the same population: the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, ch. 3.8; Field and Welsh, J. R. Statist. Soc. B 69, 2007). It assumes that patients are
    independent of each other; the rows of one may depend on each other in any way.
    """
    of = clusters(patients)
    count = int(of.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, of].astype(np.float64)


def without_each(
    scores: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]], patients: NDArray[np.str_]
) -> dict[str, NDArray[np.float64]]:
    """Return statistics by name, (P,) each, of n rows without those of each of P patients (the cluster jackknife).

    `scores` takes weights (B, n) of the rows, here 1, and 0 for those of one patient, and returns B values by name. It
    is asked for so many patients at a time that memory stays bounded, whatever P and n are.
    """
    of = clusters(patients)
    left_out = np.array_split(np.arange(int(of.max()) + 1), -(-(int(of.max()) + 1) * len(of) // _NUMBERS_AT_ONCE))
    blocks = [scores((of[None, :] != some[:, None]).astype(np.float64)) for some in left_out]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
