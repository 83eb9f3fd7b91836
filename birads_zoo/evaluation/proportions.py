"""The interval of a share of rows, where rows of one patient depend on each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, t

from birads_zoo.evaluation.intervals import LEVEL, Estimate
from birads_zoo.evaluation.resampling import clusters


def proportion(
    hits: NDArray[np.bool_],
    patients: NDArray[np.str_],
    weights: NDArray[np.float64] | None = None,
    level: float = LEVEL,
) -> Estimate | None:
    """Return the (weighted) share of n ≥ 1 rows that are hits, and its interval at `level`; `None` for no rows.

    What it estimates: the chance that a row of another patient is a hit. Assumption: patients are independent.
    Method: Clopper and Pearson's exact interval of as many independent rows as tell the same, n_eff = p(1 − p)/v, v
    being the variance of p between patients (the linearised ratio), brought down for the few patients v comes from
    (Korn and Graubard, Survey Methodology 24, 1998). n_eff is at most n. Where all rows are hits, or none, v
    shows nothing, and n_eff is the number of patients, as if the rows of one were copies: a bootstrap would give an
    interval without width there.

    Coverage measured at 95 %, 1500 simulated samples of patients with 1 to 8 images whose hits correlate by 0, 0.3
    and 0.8: 0.93 to 1.0 for shares of 0.5 and 0.9 and 5 to 60 patients; least for 0.97 of 60 patients: 0.914.
    """
    if not len(hits):
        return None
    of = clusters(patients)
    count = int(of.max()) + 1
    weights = np.ones(len(hits)) if weights is None else weights
    share = 1.0 if hits.all() else float(weights @ hits / weights.sum())  # weights need not sum to the same twice
    by_patient = np.bincount(of, weights * (hits - share))
    variance = float((by_patient**2).sum()) / weights.sum() ** 2 * count / max(count - 1, 1)
    if share in (0.0, 1.0) or count == 1:
        effective = float(count)
    elif variance > 0:
        reach = t.ppf((1 + level) / 2, [max(len(hits) - 1, 1), count - 1])
        effective = min(share * (1 - share) / variance * float(reach[0] / reach[1]) ** 2, float(len(hits)))
    else:
        effective = float(len(hits))
    among = share * effective
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, among, effective - among + 1)) if share > 0 else 0.0
    high = float(beta.ppf(1 - tail, among + 1, effective - among)) if share < 1 else 1.0
    return Estimate(value=share, low=low, high=high)
