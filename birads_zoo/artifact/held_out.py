"""Sets the limits for warnings about unusual pictures, and measures on held-out rows how often a warning is false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from birads_zoo.artifact.manifest import Share, TrainingRange
from birads_zoo.artifact.networks.exported import summarised
from birads_zoo.artifact.reference import Reference, limit_of, make_reference, nearest
from birads_zoo.artifact.training_range import NAMES, fit_range, outside, statistics_of
from birads_zoo.data.batches import Batches
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.prepare import Prepared
from birads_zoo.data.splits.split import Fold
from birads_zoo.devices import Compute
from birads_zoo.evaluation.statistics.intervals import rate
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.model.classifier import Classifier
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe

MOST_REFERENCES = 600
"""The most training rows of a fold that its reference groups are made of; they are drawn at random."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldDistances:
    """One fold's reference groups, and the distances of its held-out rows from them.

    `reference` groups its training rows. `validation` and `test` are those rows' distances from it, in units of
    `scale`, the validation rows' median. Without validation rows or groups, `scale` is `None` and both are empty.
    """

    fold: Fold
    reference: Reference
    scale: float | None
    validation: NDArray[np.float64]
    test: NDArray[np.float64]


def measure_distances(
    classifier: Classifier,
    fold: Fold,
    recipe: Recipe,
    data: Prepared,
    compute: Compute,
    on_images: Callable[[int], None],
) -> FoldDistances:
    """Group the features of a fold's training rows, and measure the distances of its other rows from these groups.

    Features are of each row's own pictures only. `on_images` is called with the number of rows done.
    """
    labels, patients = data.labelled.labels, _patients(data)
    generator = numpy_generator(recipe.seed, "fold", fold.number, "reference")
    chosen = np.sort(generator.permutation(fold.train)[:MOST_REFERENCES])
    rows = np.concatenate([chosen, fold.validation, fold.test])
    batches = Batches(data.store.array, data.own[rows], labels[rows], recipe.training.batch_size, compute.device)
    features, done = [], 0
    with torch.inference_mode():
        for batch in batches.epoch(None):
            batch_features = summarised(classifier, classifier.features(batch.images), batch.present)
            features.append(batch_features.float().cpu().numpy())
            done += len(batch.targets)
            on_images(done)
    train, validation, test = np.split(np.concatenate(features), np.cumsum([len(chosen), len(fold.validation)]))
    reference = make_reference(train, labels[chosen], patients[chosen], generator)
    held_out = nearest(validation, reference)[0]
    scale = float(np.median(held_out)) if len(held_out) else 0.0
    usable = scale > 0  # False if it is NaN because there are no groups, or 0 because all features are equal
    return FoldDistances(
        fold=fold,
        reference=reference,
        scale=scale if usable else None,
        validation=held_out / scale if usable else np.empty(0),
        test=nearest(test, reference)[0] / scale if usable else np.empty(0),
    )


def fit_training_range(data: Prepared, measured: Sequence[FoldDistances]) -> TrainingRange:
    """Set the limits beyond which a picture gets a warning, and count how often held-out rows exceed them.

    The shares are of test rows, each compared with limits set without it and its patient: the fold's training rows set
    the range, and other patients' validation rows set the limit of the distance. The shares are of single networks: the
    exported model takes the mean of their distances, for which no row is held out.
    """
    patients, scaled = _patients(data), [entry for entry in measured if entry.scale is not None]
    statistics = _statistics(data)
    present = data.own.present
    ranges = [fit_range(statistics[entry.fold.train][present[entry.fold.train]]) for entry in measured]
    strange = [
        outside(statistics[entry.fold.test], limits).any(axis=(1, 2))
        for entry, limits in zip(measured, ranges, strict=True)
    ]
    far: list[NDArray[np.bool_]] = []
    tested: list[NDArray[np.int64]] = []
    for entry in scaled:
        limit = _limit(scaled, patients, without=entry.fold.test)
        if limit is not None:
            far.append(entry.test > limit)
            tested.append(entry.fold.test)
    return TrainingRange(
        statistics=fit_range(statistics[present]),
        range_alarms=_share(np.concatenate(strange), patients[np.concatenate([entry.fold.test for entry in measured])]),
        limit=_limit(scaled, patients, without=np.empty(0, np.int64)),
        distance_alarms=_share(np.concatenate(far), patients[np.concatenate(tested)]) if far else None,
    )


def _limit(measured: Sequence[FoldDistances], patients: NDArray[np.str_], without: NDArray[np.int64]) -> float | None:
    """Return the limit set by the validation rows, except for the rows `without` and their patients' rows."""
    gone = np.setdiff1d(patients[without], [""])
    distances, people = [], []
    for entry in measured:
        rows = entry.fold.validation
        kept = ~(np.isin(rows, without) | np.isin(patients[rows], gone))
        distances.append(entry.validation[kept])
        people.append(patients[rows][kept])
    return limit_of(distances, people) if distances else None


def _statistics(data: Prepared) -> NDArray[np.float64]:
    """Return the statistics (n, O, 7) of the samples' own pictures, NaN for an absent one."""
    own = data.own
    places = own.pictures[own.present]
    index = replace(data.pictures, rows=data.pictures.rows.iloc[places].reset_index(drop=True))
    sizes = file_facts(index)[["height", "width"]].to_numpy(int)
    pixels = data.store.array
    placed = zip(places, sizes, strict=True)
    statistics = np.full((*own.present.shape, len(NAMES)), np.nan)
    statistics[own.present] = [statistics_of(pixels[at], (int(height), int(width))) for at, (height, width) in placed]
    return statistics


def _share(hits: NDArray[np.bool_], patients: NDArray[np.str_]) -> Share:
    alarm_rate = rate(hits, patients)
    assert alarm_rate is not None, "a run has test rows"
    count = int(clusters(patients).max()) + 1
    return Share(value=alarm_rate.value, low=alarm_rate.low, high=alarm_rate.high, n=len(hits), patients=count)


def _patients(data: Prepared) -> NDArray[np.str_]:
    return data.labelled.index.rows["patient_id"].to_numpy(dtype=np.str_)
