"""Computes the classification metrics of a table of labels and probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    cohen_kappa_score,
    confusion_matrix,
    precision_recall_fscore_support,
    recall_score,
    roc_auc_score,
)

from birads_zoo.results.scores import ClassMetrics, MacroMetrics, Metrics, WeightedMetrics


def evaluate(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    folds: NDArray[np.int64],
    classes: tuple[str, ...],
    ordinal: bool = True,
) -> Metrics:
    """Compute every metric of n rows with `labels` (n,) in 0 … K−1 and `probabilities` (n, K), for K ≥ 2 `classes`.

    `folds` (n,) are the numbers of the networks that predicted the rows, all the same if there was one network.
    `ordinal` says whether the classes' order carries meaning, as that of BI-RADS categories does. The predicted class
    is the one with the largest probability; at a tie, the first of them. What each metric estimates, when the rows are
    a sample of those the model will meet (same classes, same prevalence):

    - `accuracy`: the chance that a row is classified correctly; depends on the prevalence.
    - `balanced_accuracy`: the mean of the recalls of the classes that have rows, i.e. the accuracy if these were
      equally common; 1/K by chance (Brodersen et al., "The balanced accuracy and its posterior distribution",
      ICPR 2010).
    - `precision` of a class: the chance that a row predicted as the class belongs to it. `recall`: the chance that a
      row of the class is predicted as such. `f1`: their harmonic mean (van Rijsbergen, "Information Retrieval", 1979).
      0/0 counts as 0.
    - `macro`: their means over all K classes; `f1` is the mean of the classes' F1 (Opitz & Burst, "Macro F1 and
      Macro F1", 2019). A class without rows counts as 0. If it were left out, a table without the rarest, hardest
      class would score better than a table that has it. So compare macro metrics only between tables with the same
      classes, and prefer all folds pooled to a mean over folds. `weighted` is the mean by support, where such a class
      has no weight.
    - `auroc`: the chance that a random row of the class gets a larger probability of it than a random row of the
      rest that the same network predicted; ties count half (Hanley & McNeil, Radiology 143, 1982). It does not depend
      on threshold or prevalence. It is the mean of the folds' areas, weighted by their pairs of rows. Pairs across
      folds are left out because the probabilities of two networks are not on one scale (Forman & Scholz,
      "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12, 2010). Two classes have the same value,
      taken from the second class's probability. The macro value is the mean over the classes that have both positives
      and negatives in a fold (Provost & Domingos, 2000, there weighted).
    - `pooled_auroc`: the same over all pairs, also across folds, as most papers report it. It is usually lower.
    - `kappa_quadratic`: agreement beyond chance when a mistake of d classes costs d² (Cohen, Psychological
      Bulletin 70, 1968); in [−1, 1], 0 for a constant prediction. It takes the classes as ordered and evenly
      spaced, so it is `None` for more than two classes that are not `ordinal`. For two classes it is the plain kappa,
      which does not use the order. It is also `None` when all labels and predictions are the same class (0/0).
    - `confusion`: rows by true class and, within them, by predicted class.

    Raises `ValueError` for no rows, for shapes or labels that do not fit, and for probabilities that are not finite.
    """
    _check(labels, probabilities, folds, len(classes))
    every = np.arange(len(classes))
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, labels=every)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    aurocs = _aurocs(labels, probabilities, folds)
    pooled = _aurocs(labels, probabilities, np.zeros_like(folds))
    return Metrics(
        n=len(labels),
        classes=tuple(classes),
        accuracy=float((predicted == labels).mean()),
        # The same as balanced_accuracy_score, which warns of predicted classes without rows.
        balanced_accuracy=float(recall_score(labels, predicted, labels=np.unique(labels), average="macro")),
        kappa_quadratic=_kappa(labels, predicted, every) if ordinal or len(classes) == 2 else None,
        macro=MacroMetrics(
            precision=float(precision.mean()),
            recall=float(recall.mean()),
            f1=float(f1.mean()),
            auroc=_mean_of_known(aurocs),
            pooled_auroc=_mean_of_known(pooled),
        ),
        weighted=WeightedMetrics(
            precision=float(np.average(precision, weights=support)),
            recall=float(np.average(recall, weights=support)),
            f1=float(np.average(f1, weights=support)),
        ),
        per_class=tuple(
            ClassMetrics(
                name=name,
                precision=float(precision[k]),
                recall=float(recall[k]),
                f1=float(f1[k]),
                auroc=aurocs[k],
                pooled_auroc=pooled[k],
                support=int(support[k]),
            )
            for k, name in enumerate(classes)
        ),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _check(labels: NDArray[np.int64], probabilities: NDArray[np.float64], folds: NDArray[np.int64], k: int) -> None:
    if k < 2 or len(labels) == 0:
        raise ValueError(f"metrics need at least two classes and one row, not {k} classes and {len(labels)} rows")
    if labels.ndim != 1 or probabilities.shape != (len(labels), k):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} do not fit {k} classes")
    if folds.shape != labels.shape:
        raise ValueError(f"{len(labels)} rows need as many folds, not {folds.shape}")
    if labels.min() < 0 or labels.max() >= k:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}, classes from 0 to {k - 1}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities are not all finite")


def _aurocs(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], folds: NDArray[np.int64]
) -> list[float | None]:
    """Return the one-vs-rest areas of all classes. Two classes share one value, as their sums may round differently."""
    if probabilities.shape[1] == 2:
        return [_auroc(labels == 1, probabilities[:, 1], folds)] * 2
    return [_auroc(labels == k, probabilities[:, k], folds) for k in range(probabilities.shape[1])]


def _auroc(positive: NDArray[np.bool_], scores: NDArray[np.float64], folds: NDArray[np.int64]) -> float | None:
    """Return the mean of the folds' areas, weighted by their pairs; `None` where no fold has a pair."""
    areas, pairs = [], []
    for fold in np.unique(folds):
        rows = folds == fold
        caught = int(positive[rows].sum())
        if 0 < caught < rows.sum():
            areas.append(float(roc_auc_score(positive[rows], scores[rows])))
            pairs.append(caught * (int(rows.sum()) - caught))
    return float(np.average(areas, weights=pairs)) if areas else None


def _mean_of_known(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _kappa(labels: NDArray[np.int64], predicted: NDArray[np.int64], every: NDArray[np.int64]) -> float | None:
    if (labels == labels[0]).all() and (predicted == labels[0]).all():
        return None
    return float(cohen_kappa_score(labels, predicted, labels=every, weights="quadratic"))
