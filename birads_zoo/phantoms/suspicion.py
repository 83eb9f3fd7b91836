"""How suspicious a lesion is, which category a reader gives it, and what can be known of that at best.

A woman's lesions have one suspicion s in [0, 1], uniform in the population. The reader's category follows from s by
proportional odds (McCullagh, "Regression models for ordinal data", J. R. Statist. Soc. B 42, 1980), with a spread that
makes neighbouring categories overlap as readers do: two women of one suspicion may get different categories. So who
knows s, and sees all of a lesion that there is to see, still errs, as often as `known_probabilities` says.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.phantoms.categories import LESION_CATEGORIES

Values = NDArray[np.float64]

_CUTS = (1 / 3, 2 / 3)  # where a reader is as likely to go below as above: between 3 and 4, and between 4 and 5
_SPREAD = 0.055  # of the reader, in the unit of s: 0 would make the categories certain
_GRID = (np.arange(4000) + 0.5) / 4000


def category_chances(suspicions: Values) -> Values:
    """Return the chances (n, 3) of categories 3, 4 and 5, given suspicions (n,), in an unselected population."""
    beyond = 1 / (1 + np.exp(-(suspicions[:, None] - np.array(_CUTS)) / _SPREAD))
    return np.column_stack([1 - beyond[:, 0], beyond[:, 0] - beyond[:, 1], beyond[:, 1]])


def draw_suspicions(category: str, count: int, generator: np.random.Generator) -> Values:
    """Draw suspicions (count,) given a category "3", "4" or "5".

    They are stratified, one from each of `count` equally likely parts of the distribution, in random order: so the
    best possible result is nearly the same for every seed.
    """
    density = category_chances(_GRID)[:, LESION_CATEGORIES.index(category)]
    reached = np.cumsum(density) / density.sum()
    parts = (generator.permutation(count) + generator.random(count)) / max(count, 1)
    return np.asarray(np.interp(parts, reached, _GRID))


def known_probabilities(suspicions: Values, shares: Sequence[float]) -> Values:
    """Return the chances (n, 3) of categories 3, 4 and 5 given suspicions (n,), where categories have these `shares`.

    `shares` are those among women whose other breast is as theirs, by any factor. Bayes' theorem: a cohort that holds
    so many women of each category, whatever their suspicions, has P(category | s) ∝ share · p(s | category).
    """
    chances, everywhere = category_chances(suspicions), category_chances(_GRID).mean(axis=0)
    weighed = chances / everywhere * np.asarray(shares)
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
