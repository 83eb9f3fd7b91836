"""The best possible score, where a data set knows the true chances of each row's classes."""

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

    They are scored as a network's probabilities are, with intervals over patients. By luck the score on these rows may
    be a little lower or higher than on many more rows. No ranking has a larger expected area than the one by the
    chances; for macro-F1 see `decide`. The decisions do not use the labels.
    """
    if test.known is None:
        return None
    decided = np.eye(len(test.classes))[decide(test.known)]

    def scored(name: str, chances: NDArray[np.float64]) -> Estimate | None:
        out_of_fold = OutOfFold(probabilities=chances[None], folds=test.folds[None])
        return intervals(test.labels, out_of_fold, test.patients, ordinal=test.ordinal, names=(name,))[name]

    return Best(macro_f1=scored("macro_f1", decided), macro_auroc=scored("macro_auroc", test.known))


def decide(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the classes (n,) to predict for n rows that give the largest macro-F1.

    `chances` (n, K) are the chances of the rows' classes.

    For class k, with h expected hits, c rows predicted as k and t rows that truly are k, F = 2h/(c + t). A row moves
    the mean of F by (2p − F)/(c + t), so the best decision predicts for each row the class that moves it most. F, c and
    t come from the Frank–Wolfe method, which starts at the likeliest classes (Narasimhan et al., "Consistent multiclass
    algorithms for complex performance measures", ICML 2015, algorithm 1). The best decision of all steps is returned.
    """
    rows, classes = np.arange(len(chances)), chances.shape[1]
    chosen, best, decision = chances.argmax(axis=1), -1.0, chances.argmax(axis=1)
    hits, called = np.zeros(classes), np.zeros(classes)
    for step in range(_STEPS):
        new_hits = np.bincount(chosen, chances[rows, chosen], classes).astype(np.float64)
        new_called = np.bincount(chosen, minlength=classes).astype(np.float64)
        if (score := float(_f1(new_hits, new_called, chances).mean())) > best:
            best, decision = score, chosen
        share = 2 / (step + 2)
        hits, called = (1 - share) * hits + share * new_hits, (1 - share) * called + share * new_called
        size = called + chances.sum(axis=0)
        moves = np.full_like(chances, -np.inf)  # stays for a class that has no chance in any row
        np.divide(2 * chances - _f1(hits, called, chances), size, out=moves, where=size > 0)
        chosen = moves.argmax(axis=1)
    return np.asarray(decision, np.int64)


def _f1(hits: NDArray[np.float64], called: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.float64]:
    size = called + chances.sum(axis=0)
    return np.asarray(np.divide(2 * hits, size, out=np.zeros(len(size)), where=size > 0))
