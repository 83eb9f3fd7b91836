"""Models a lesion's suspicion, the category that a reader gives it, and the best possible prediction of it.

A woman's lesions have one suspicion s in [0, 1], uniform in the population. The reader's category depends on s by
proportional odds (McCullagh, "Regression models for ordinal data", J. R. Statist. Soc. B 42, 1980). The spread makes
neighbouring categories overlap, as with real readers: two women with the same suspicion may get different categories.
So even a predictor that knows s makes mistakes, as often as `known_probabilities` gives.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.phantoms.categories import LESION_CATEGORIES

Values = NDArray[np.float64]

_CUTS = (1 / 3, 2 / 3)  # the values of s where 3 and 4, and 4 and 5, are equally likely
_SPREAD = 0.055  # of the reader, in the unit of s; 0 would make the categories certain
_GRID = (np.arange(4000) + 0.5) / 4000


def category_chances(suspicions: Values) -> Values:
    """Return the chances (n, 3) of categories 3, 4 and 5, given suspicions (n,), in an unselected population."""
    beyond = 1 / (1 + np.exp(-(suspicions[:, None] - np.array(_CUTS)) / _SPREAD))
    return np.column_stack([1 - beyond[:, 0], beyond[:, 0] - beyond[:, 1], beyond[:, 1]])


def draw_suspicions(category: str, count: int, generator: np.random.Generator) -> Values:
    """Draw suspicions (count,) given a category "3", "4" or "5".

    They are stratified: one from each of `count` equally likely parts of the distribution, in random order. So the best
    possible result is nearly the same for every seed.
    """
    density = category_chances(_GRID)[:, LESION_CATEGORIES.index(category)]
    reached = np.cumsum(density) / density.sum()
    parts = (generator.permutation(count) + generator.random(count)) / max(count, 1)
    return np.asarray(np.interp(parts, reached, _GRID))


def known_probabilities(suspicions: Values, shares: Sequence[float]) -> Values:
    """Return the chances (n, 3) of categories 3, 4 and 5 given suspicions (n,), for categories with these `shares`.

    `shares` are those among women with the same number of breasts with a lesion, up to a factor. By Bayes' theorem, in
    a cohort with given numbers of women per category P(category | s) ∝ share · p(s | category).
    """
    chances, everywhere = category_chances(suspicions), category_chances(_GRID).mean(axis=0)
    weighed = chances / everywhere * np.asarray(shares)
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
