"""Resamples of whole patients: what every interval and every test of this package is drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clusters(patients: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return (n,) the cluster number, 0 … G−1, of every row: its patient; a row with patient "" is one of its own."""
    names, numbers = np.unique(patients, return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    unknown = np.flatnonzero(np.asarray(patients) == "")
    numbers[unknown] = len(names) + np.arange(len(unknown))
    # Numbered anew without a gap where "" was.
    return np.unique(numbers, return_inverse=True)[1].reshape(-1).astype(np.int64)


def cluster_weights(patients: NDArray[np.str_], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return (resamples, n) how often each of n rows is in each resample of whole patients.

    The cluster bootstrap (Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8;
    Field & Welsh, J. R. Stat. Soc. B 69, 2007): of G patients, G are drawn with replacement, each with all its rows.
    A statistic of the weighted rows then varies as it would over new sets of G patients. Assumes that patients are
    independent of each other; rows of one patient may depend on each other in any way. A resample's number of rows
    varies, since patients have different numbers of them. A row with patient "" is a cluster of its own.

    Raises `ValueError` for no rows.
    """
    if len(patients) == 0:
        raise ValueError("there is no row to resample")
    numbers = clusters(patients)
    count = int(numbers.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn.astype(np.float64)[:, numbers]
