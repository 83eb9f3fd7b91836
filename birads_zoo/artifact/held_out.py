"""How the folds' networks see rows they did not learn from: what warnings are set by, and how often they are false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from birads_zoo.artifact.manifest import Share, TrainingRange
from birads_zoo.artifact.networks import summarised
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
"""Training rows of a fold, drawn by chance, that its reference groups are made of at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """How one fold's network saw the run.

    `reference` groups its training rows. `validation` and `test` are those rows' distances from it, in units of
    `scale`, the validation rows' median; without validation rows, or groups, there is none, and both are empty.
    """

    fold: Fold
    reference: Reference
    scale: float | None
    validation: NDArray[np.float64]
    test: NDArray[np.float64]


def see(
    classifier: Classifier,
    fold: Fold,
    recipe: Recipe,
    data: Prepared,
    compute: Compute,
    on_images: Callable[[int], None],
) -> Seen:
    """Let a fold's network look at the fold's rows, at their own pictures alone; `on_images` gets how many it saw."""
    labels, patients = data.labelled.labels, _patients(data)
    generator = numpy_generator(recipe.seed, "fold", fold.number, "reference")
    chosen = np.sort(generator.permutation(fold.train)[:MOST_REFERENCES])
    rows = np.concatenate([chosen, fold.validation, fold.test])
    batches = Batches(data.store.array, data.own[rows], labels[rows], recipe.training.batch_size, compute.device)
    found, done = [], 0
    with torch.inference_mode():
        for batch in batches.epoch(None):
            features = summarised(classifier, classifier.features(batch.images), batch.present)
            found.append(features.float().cpu().numpy())
            done += len(batch.targets)
            on_images(done)
    train, validation, test = np.split(np.concatenate(found), np.cumsum([len(chosen), len(fold.validation)]))
    reference = make_reference(train, labels[chosen], patients[chosen], generator)
    held_out = nearest(validation, reference)[0]
    scale = float(np.median(held_out)) if len(held_out) else 0.0
    usable = scale > 0  # False where it is no number, for want of groups, or where all features are one
    return Seen(
        fold=fold,
        reference=reference,
        scale=scale if usable else None,
        validation=held_out / scale if usable else np.empty(0),
        test=nearest(test, reference)[0] / scale if usable else np.empty(0),
    )


def fit_training_range(data: Prepared, seen: Sequence[Seen]) -> TrainingRange:
    """Set the limits beyond which a picture is warned of, and count how often held-out ones would have been.

    The shares are of test rows, each judged by limits set without it and its patient: the range by the fold's training
    rows, the limit of the distance by the validation rows of others. They are of single networks: the exported model
    takes the mean of their distances, for which no row is held out.
    """
    patients, judged = _patients(data), [one for one in seen if one.scale is not None]
    statistics = _statistics(data)
    there = data.own.present
    ranges = [fit_range(statistics[one.fold.train][there[one.fold.train]]) for one in seen]
    strange = [outside(statistics[one.fold.test], of).any(axis=(1, 2)) for one, of in zip(seen, ranges, strict=True)]
    far: list[NDArray[np.bool_]] = []
    tested: list[NDArray[np.int64]] = []
    for one in judged:
        limit = _limit(judged, patients, without=one.fold.test)
        if limit is not None:
            far.append(one.test > limit)
            tested.append(one.fold.test)
    return TrainingRange(
        statistics=fit_range(statistics[there]),
        range_alarms=_share(np.concatenate(strange), patients[np.concatenate([one.fold.test for one in seen])]),
        limit=_limit(judged, patients, without=np.empty(0, np.int64)),
        distance_alarms=_share(np.concatenate(far), patients[np.concatenate(tested)]) if far else None,
    )


def _limit(seen: Sequence[Seen], patients: NDArray[np.str_], without: NDArray[np.int64]) -> float | None:
    """Return the limit that the validation rows set, save those of the rows `without` and of their patients."""
    gone = np.setdiff1d(patients[without], [""])
    distances, of = [], []
    for one in seen:
        rows = one.fold.validation
        kept = ~(np.isin(rows, without) | np.isin(patients[rows], gone))
        distances.append(one.validation[kept])
        of.append(patients[rows][kept])
    return limit_of(distances, of) if distances else None


def _statistics(data: Prepared) -> NDArray[np.float64]:
    """Return the statistics (n, O, 7) of the samples' own pictures, NaN of an absent one."""
    own = data.own
    places = own.pictures[own.present]
    index = replace(data.pictures, rows=data.pictures.rows.iloc[places].reset_index(drop=True))
    sizes = file_facts(index)[["height", "width"]].to_numpy(int)
    pixels = data.store.array
    placed = zip(places, sizes, strict=True)
    found = np.full((*own.present.shape, len(NAMES)), np.nan)
    found[own.present] = [statistics_of(pixels[at], (int(height), int(width))) for at, (height, width) in placed]
    return found


def _share(hits: NDArray[np.bool_], patients: NDArray[np.str_]) -> Share:
    found = rate(hits, patients)
    assert found is not None, "a run has test rows"
    count = int(clusters(patients).max()) + 1
    return Share(value=found.value, low=found.low, high=found.high, n=len(hits), patients=count)


def _patients(data: Prepared) -> NDArray[np.str_]:
    return data.labelled.index.rows["patient_id"].to_numpy(dtype=np.str_)
