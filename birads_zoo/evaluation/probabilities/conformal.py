"""Split conformal prediction by patients: sets of classes that hold the true class with a stated chance."""

from __future__ import annotations

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from birads_zoo.data.splits.split import Leak
from birads_zoo.evaluation.probabilities.applying import nonconformity
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.intervals import estimates, rate
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.probabilities import ClassCoverage, Conformal, Coverage, FoldThreshold

_ROUNDING = 1e-9  # far above the rounding error of the weights' sums; levels are given in hundredths


def read_conformal(
    test: PredictedRows,
    validation: PredictedRows,
    level: float,
    *,
    chose_epoch: bool,
    leak: Leak,
) -> Conformal:
    """Return how often the sets of `conformal_sets` hold the true class, and how large they are.

    Its `caution` says why the guarantee does not hold exactly. `chose_epoch` says that the validation rows were used
    in training, `leak` whether patients are on both sides of the split.
    """
    sets, thresholds = conformal_sets(test, validation, level)
    cautions = ["validation patients are drawn class by class, so that their class shares are about the test patients'"]
    if chose_epoch:
        cautions.append("the validation rows also chose the epoch or the learning rate, which favours them a little")
    if leak == "certain":
        cautions.append("patients are on both sides of the split, so that it says nothing about new patients")
    if leak == "possible":
        cautions.append("patients without an id may be on both sides of the split, so that new patients may differ")
    coverage = measure_coverage(test.labels, sets, test.patients, test.classes)
    return Conformal(
        level=level,
        score="ordinal adaptive prediction sets" if test.ordinal else "adaptive prediction sets",
        caution="; ".join(cautions),
        folds=thresholds,
        **asdict(coverage),
    )


def conformal_sets(
    test: PredictedRows, validation: PredictedRows, level: float
) -> tuple[NDArray[np.bool_], tuple[FoldThreshold, ...]]:
    """Return the sets (n, K) of the test rows, each by the threshold of its fold, and these thresholds.

    They are made from the network's own probabilities, not from recalibrated ones. The temperature of those comes from
    the same validation rows, and their prior shift would undo a sampler that balances rare classes. On a phantom with
    the shares of KAUMDS' classes, trained with balanced draws, recalibration made the sets smaller (1.07 classes
    instead of 3.14 on average; coverage 0.96 and 0.95), but then they held BI-RADS 5 in 5 of 12 images instead of all.
    A fold with too few validation patients has sets of all classes. How often the sets hold the true class does not
    depend on the loss that the probabilities come from; how large they are does.
    """
    new = nonconformity(test.probabilities, ordinal=test.ordinal)
    old = nonconformity(validation.probabilities, ordinal=validation.ordinal)
    sets = np.ones(new.shape, dtype=bool)
    thresholds = []
    for fold in np.unique(test.folds):
        own = validation.folds == fold
        patients = validation.patients[own]
        limit = threshold(old[own, validation.labels[own]], patients, level)
        sets[test.folds == fold] = new[test.folds == fold] <= limit
        count = int(clusters(patients).max()) + 1 if own.any() else 0
        thresholds.append(
            FoldThreshold(
                fold=int(fold),
                threshold=limit if np.isfinite(limit) else None,
                n=int(own.sum()),
                patients=count,
                reason="" if np.isfinite(limit) else _too_few(count, level),
            )
        )
    return sets, tuple(thresholds)


def _too_few(patients: int, level: float) -> str:
    needed = int(np.ceil(level / (1 - level) - _ROUNDING))
    return (
        f"{patients} validation patients are too few for sets at {100 * level:g} % ({needed} are needed): its sets hold"
        " all classes"
    )


def threshold(scores: NDArray[np.float64], patients: NDArray[np.str_], level: float) -> float:
    """Return the score up to which classes belong to a set at `level`, from the scores (n,) of rows' true classes.

    Infinite, so that the sets hold all classes, where there are too few patients: `level` 0.9 needs 9.

    Rows of one patient depend on each other, so they are not exchangeable with a new patient's row, and the usual
    quantile is too low. Here each of P patients has the weight 1/(P + 1), shared equally by her rows, and the remaining
    1/(P + 1) is at infinity; the result is the `level` quantile. This is hierarchical conformal prediction (Lee, Barber
    and Willett, "Distribution-free inference with hierarchical data", arXiv 2306.06342, 2023). The CDF pooling of Dunn,
    Wasserman and Ramdas (JASA 118, 2023) is the same without the weight at infinity, which makes it valid for few
    patients.

    What it guarantees: if these patients and a new patient are exchangeable, and these rows were not used in training,
    the set of a random row of the new patient holds its true class with a chance of at least `level`, taken over
    patients. It promises nothing for a single class, or a single patient. Simulated in its tests.
    """
    if not len(scores):
        return np.inf
    of = clusters(patients)
    rows = np.bincount(of)
    shares = 1 / ((len(rows) + 1) * rows[of])
    order = np.argsort(scores, kind="stable")
    reached = np.flatnonzero(np.cumsum(shares[order]) >= level - _ROUNDING)
    return float(scores[order[reached[0]]]) if len(reached) else np.inf


def measure_coverage(
    labels: NDArray[np.int64],
    sets: NDArray[np.bool_],
    patients: NDArray[np.str_],
    classes: tuple[str, ...],
) -> Coverage:
    """Measure how often the sets (n, K) hold the labels (n,), in all and by class, and how large they are.

    `coverage` is the share of rows. `coverage_by_patient` is the mean over patients of the share of their rows, which
    is what `threshold` guarantees. The two differ where patients with many rows are harder or easier than others. Both,
    and each class's coverage, estimate the chance for rows of other patients. Their intervals are those of
    `intervals.rate`, that of `mean_size` is from `intervals.estimates`.
    """
    held = sets[np.arange(len(labels)), labels]
    of = clusters(patients)
    sizes = sets.sum(axis=1)
    overall = rate(held, patients)
    by_patient = rate(held, patients, 1 / np.bincount(of)[of])
    assert overall is not None
    assert by_patient is not None
    return Coverage(
        n=len(labels),
        patients=int(of.max()) + 1,
        coverage=overall,
        coverage_by_patient=by_patient,
        mean_size=_mean(sizes, patients),
        sizes=tuple(int(count) for count in np.bincount(sizes, minlength=len(classes) + 1)),
        per_class=tuple(
            ClassCoverage(
                name=name,
                n=int((labels == k).sum()),
                patients=len(np.unique(of[labels == k])),
                coverage=rate(held[labels == k], patients[labels == k]),
            )
            for k, name in enumerate(classes)
        ),
    )


def _mean(sizes: NDArray[np.int64], patients: NDArray[np.str_]) -> Estimate:
    def mean(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        with np.errstate(invalid="ignore"):  # without the only patient no row is left
            return {"size": sums[:, 0] / sums[:, 1]}

    size = estimates(np.column_stack([sizes, np.ones(len(sizes))]), mean, patients, limits={"size": (0, np.inf)})[
        "size"
    ]
    assert size is not None
    return size
