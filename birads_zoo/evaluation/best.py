"""The best possible result: what somebody scores who knows all that decides a row's class, but chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.rows import OutOfFold, PredictedRows
from birads_zoo.evaluation.statistics.intervals import intervals
from birads_zoo.results.best import Best
from birads_zoo.results.estimate import Estimate

_STEPS = 60


def read_best(test: PredictedRows) -> Best | None:
    """Return what the classes' known chances score on the test rows; `None` where the data set knows none.

    They are judged as a network's probabilities are, with intervals over patients, and so may by luck score a little
    less or more on these rows than on ever more. No ranking has a larger expected area than that by the chances; for
    macro-F1 see `decide`. The labels of no row are looked at.
    """
    if test.known is None:
        return None
    decided = np.eye(len(test.classes))[decide(test.known)]

    def scored(name: str, chances: NDArray[np.float64]) -> Estimate | None:
        told = OutOfFold(probabilities=chances[None], folds=test.folds[None])
        return intervals(test.labels, told, test.patients, ordinal=test.ordinal, names=(name,))[name]

    return Best(macro_f1=scored("macro_f1", decided), macro_auroc=scored("macro_auroc", test.known))


def decide(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the classes (n,) to call n rows, given the chances (n, K) of their classes, for the largest macro-F1.

    Of class k, with h hits expected, c rows called and t of them true, F = 2h/(c + t). A row moves the mean of F by
    (2p − F)/(c + t), so the best decision calls each row the class that moves it most. F, c and t are found by the
    Frank–Wolfe method, from the likeliest classes on (Narasimhan et al., "Consistent multiclass algorithms for complex
    performance measures", ICML 2015, algorithm 1); of the decisions on the way the best one is taken.
    """
    rows, classes = np.arange(len(chances)), chances.shape[1]
    chosen, best, found = chances.argmax(axis=1), -1.0, chances.argmax(axis=1)
    hits, called = np.zeros(classes), np.zeros(classes)
    for step in range(_STEPS):
        own_hits = np.bincount(chosen, chances[rows, chosen], classes).astype(np.float64)
        own_called = np.bincount(chosen, minlength=classes).astype(np.float64)
        if (score := float(_f1(own_hits, own_called, chances).mean())) > best:
            best, found = score, chosen
        share = 2 / (step + 2)
        hits, called = (1 - share) * hits + share * own_hits, (1 - share) * called + share * own_called
        size = called + chances.sum(axis=0)
        moves = np.full_like(chances, -np.inf)  # of a class that has no chance anywhere
        np.divide(2 * chances - _f1(hits, called, chances), size, out=moves, where=size > 0)
        chosen = moves.argmax(axis=1)
    return np.asarray(found, np.int64)


def _f1(hits: NDArray[np.float64], called: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.float64]:
    size = called + chances.sum(axis=0)
    return np.asarray(np.divide(2 * hits, size, out=np.zeros(len(size)), where=size > 0))
