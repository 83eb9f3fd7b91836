"""Measures the calibration of probabilities: reliability, calibration errors, and proper scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.intervals import estimates, rate
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.probabilities import Bin, Calibration, ClassCalibration

BINS = 10
"""Bins of a reliability diagram, at most."""

_ROWS = 20  # in a bin at least; fewer bins where there are fewer rows
_SMALLEST = 1e-12  # the smallest probability in the log loss, which a single 0 would make infinite

Floats = NDArray[np.float64]


def measure_calibration(
    labels: NDArray[np.int64],
    probabilities: Floats,
    patients: NDArray[np.str_],
    classes: tuple[str, ...],
) -> Calibration:
    """Measure how well the probabilities (n, K) of n ≥ 1 rows predict their labels (n,).

    What each value estimates, for rows of other patients of the same source:

    - `brier`: the mean squared distance of the probabilities from the truth, Σ_k (p_k − y_k)², in [0, 2] (Brier,
      Monthly Weather Review 78, 1950). A proper score: it rewards both calibration and discrimination.
    - `brier_skill`: 1 − brier / reference. The reference, 1 − Σ_k share_k², is the Brier score of giving every row the
      classes' shares of these rows. 1 is perfect, 0 is no better than knowing the prevalence, below 0 is worse. `None`
      for rows of one class.
    - `log_loss`: the mean −log of the true class's probability, which counts as at least 1e-12.
    - `ece`: how far the probability of the predicted class is from how often it is right, on average (expected
      calibration error; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 3, in bins of equally
      many rows, see `reliability`). `classwise_ece`: the same for each class's probability, averaged over the classes
      (Kull et al., "Beyond temperature scaling", NeurIPS 2019).
    - `excess` of a class: its mean probability minus its share of the rows (calibration in the large).

    Bias: a bin's mean probability differs from its share by chance alone. So these errors are never 0 and are too
    large, especially with few patients (Roelofs et al., "Mitigating Bias in Calibration Error Estimation", AISTATS
    2022). `…_if_calibrated` is the error to be expected on these patients if the probabilities were perfect: see
    `_by_chance`. An error near it shows no miscalibration. The errors have no interval, because no bootstrap interval
    holds a true value near 0. The intervals of the other values are over whole patients (`intervals.estimates`).
    """
    predicted = probabilities.argmax(axis=1)
    top = probabilities[np.arange(len(labels)), predicted]
    truth = labels[:, None] == np.arange(len(classes))
    scores = estimates(
        losses(labels, probabilities),
        proper_scores,
        patients,
        limits={"brier": (0, 2), "log_loss": (0, np.inf)},
    )
    of_classes = [reliability(truth[:, k], probabilities[:, k], patients) for k in range(len(classes))]
    of_top = reliability(predicted == labels, top, patients)
    chances = [_by_chance(truth[:, k], probabilities[:, k], patients) for k in range(len(classes))]
    return Calibration(
        n=len(labels),
        patients=int(clusters(patients).max()) + 1,
        brier=scores["brier"],
        brier_skill=scores["brier_skill"],
        log_loss=scores["log_loss"],
        bins=_count(len(labels)),
        ece=calibration_error(of_top),
        ece_if_calibrated=_by_chance(predicted == labels, top, patients),
        classwise_ece=float(np.mean([calibration_error(bins) for bins in of_classes])),
        classwise_ece_if_calibrated=float(np.mean(chances)),
        top_label=of_top,
        per_class=tuple(
            ClassCalibration(name=name, excess=scores[f"excess:{k}"], bins=of_classes[k])
            for k, name in enumerate(classes)
        ),
    )


def reliability(happened: NDArray[np.bool_], predicted: Floats, patients: NDArray[np.str_]) -> tuple[Bin, ...]:
    """Return the points of a reliability diagram of n events and their predicted chances, from low to high.

    Bins hold equally many rows, as far as ties allow: rows with the same chance share a bin (Nguyen and O'Connor, EMNLP
    2015). There are at most `BINS`, and a bin has fewer than 20 rows only because of ties. The share's interval is by
    patients (`intervals.rate`).
    """
    of = _bins(predicted)
    names = clusters(patients)
    bins = []
    for number in range(int(of.max()) + 1):
        rows = of == number
        observed = rate(happened[rows], patients[rows])
        assert observed is not None
        mean, people = float(predicted[rows].mean()), len(np.unique(names[rows]))
        bins.append(Bin(n=int(rows.sum()), patients=people, predicted=mean, observed=observed))
    return tuple(bins)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the mean over the rows of |mean predicted chance − observed share| of their bin, in [0, 1]."""
    gaps = sum(point.n * abs(point.predicted - point.observed.value) for point in bins)
    return gaps / sum(point.n for point in bins)


def losses(labels: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Return the columns (n, 3 + 2K) from whose sums `proper_scores` follow."""
    truth = (labels[:, None] == np.arange(probabilities.shape[1])).astype(np.float64)
    of_truth = probabilities[np.arange(len(labels)), labels]
    return np.column_stack(
        [
            np.ones(len(labels)),
            ((probabilities - truth) ** 2).sum(axis=1),
            -np.log(np.maximum(of_truth, _SMALLEST)),
            truth,
            probabilities - truth,
        ]
    )


def proper_scores(sums: Floats) -> dict[str, Floats]:
    """Return each score (B,) of `measure_calibration` that has an interval, from the sums (B, 3 + 2K) of `losses`.

    NaN where it is undefined; `excess:2` is that of class number 2.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[:, 1:] / sums[:, :1]
        shares, excess = np.split(means[:, 2:], 2, axis=1)
        reference = 1 - (shares**2).sum(axis=1)
        skill = 1 - means[:, 0] / np.where(reference > 1e-12, reference, np.nan)
    scores = {"brier": means[:, 0], "brier_skill": skill, "log_loss": means[:, 1]}
    return scores | {f"excess:{k}": excess[:, k] for k in range(excess.shape[1])}


def _count(rows: int) -> int:
    """Return the number of bins for so many rows, before ties leave some of them empty."""
    return max(1, min(BINS, rows // _ROWS))


def _bins(predicted: Floats) -> NDArray[np.int64]:
    """Return each row's bin number, 0 … B − 1; no bin is empty."""
    count = _count(len(predicted))
    inner = np.sort(predicted)[[len(predicted) * place // count for place in range(1, count)]]
    numbers: NDArray[np.int64] = np.searchsorted(np.unique(inner), predicted, side="right")
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _by_chance(happened: NDArray[np.bool_], predicted: Floats, patients: NDArray[np.str_]) -> float:
    """Return the calibration error to be expected of perfect probabilities on these rows and patients.

    A bin's gap would be normal about 0 with some variance v, and its mean size would be √(2v/π). v is the variance
    between patients around the observed gap, so that a bad calibration is not taken for chance. It is at least the
    variance of independent rows with these probabilities, Σ p(1 − p), because rows with the same outcome show none.
    Compared with the mean error of calibrated models, simulated for 10 to 400 patients with 1 to 8 dependent images, it
    is 0.96 to 1.02 times as large.
    """
    of, people = _bins(predicted), clusters(patients)
    count, total = int(people.max()) + 1, 0.0
    for number in range(int(of.max()) + 1):
        rows = of == number
        gaps = happened[rows] - predicted[rows]
        by_patient = np.bincount(people[rows], gaps - gaps.mean(), minlength=count)
        alone = (predicted[rows] * (1 - predicted[rows])).sum()
        total += float(np.sqrt(max((by_patient**2).sum(), alone) * 2 / np.pi))
    return total / len(predicted)
