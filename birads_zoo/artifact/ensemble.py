"""What the folds' networks say of prepared pictures, put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.artifact.manifest import FoldPart, Manifest
from birads_zoo.artifact.reference import Reference, nearest
from birads_zoo.artifact.samples import Prediction, Ready
from birads_zoo.artifact.training_range import range_warnings
from birads_zoo.data.batches import as_images
from birads_zoo.data.store.pixels import stacked
from birads_zoo.devices import Compute
from birads_zoo.evaluation.probabilities.conformal import nonconformity
from birads_zoo.evaluation.probabilities.recalibration import recalibrated

if TYPE_CHECKING:
    from birads_zoo.artifact.networks import Network

_AHEAD = 2  # batches on the device or being put together before the first of them is asked for

Floats = NDArray[np.float64]


def predict_prepared(
    manifest: Manifest,
    networks: Sequence[Network],
    references: Sequence[Reference],
    compute: Compute,
    prepared: Iterable[Ready | Prediction],
    batch_size: int,
) -> Iterator[Prediction]:
    """Yield the predictions of prepared samples, in their order; those that could not be read pass as they are.

    While one batch is put together, by a thread, the device is at the next.
    """
    waiting: deque[tuple[list[Ready | Prediction], Future[list[Prediction]]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="judging") as pool:
        for batch in _batches(prepared, batch_size):
            ready = [one for one in batch if not isinstance(one, Prediction)]
            told = _forward(networks, ready, compute)
            waiting.append((batch, pool.submit(_conclude, manifest, references, ready, told)))
            if len(waiting) > _AHEAD:
                yield from _merged(*waiting.popleft())
        while waiting:
            yield from _merged(*waiting.popleft())


def _batches(prepared: Iterable[Ready | Prediction], batch_size: int) -> Iterator[list[Ready | Prediction]]:
    batch: list[Ready | Prediction] = []
    for one in prepared:
        batch.append(one)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _merged(batch: list[Ready | Prediction], made: Future[list[Prediction]]) -> Iterator[Prediction]:
    predictions = iter(made.result())
    return (one if isinstance(one, Prediction) else next(predictions) for one in batch)


@torch.inference_mode()
def _forward(networks: Sequence[Network], ready: Sequence[Ready], compute: Compute) -> list[tuple[Tensor, ...]]:
    """Return every network's outputs for the samples, on the device."""
    if not ready:
        return []
    images = as_images(stacked([one.pixels for one in ready]), compute.device)
    present = torch.from_numpy(np.stack([one.present for one in ready])).to(compute.device)
    return [network(images, present) for network in networks]


def _conclude(
    manifest: Manifest, references: Sequence[Reference], ready: Sequence[Ready], told: list[tuple[Tensor, ...]]
) -> list[Prediction]:
    if not ready:
        return []
    classes, folds = manifest.classes, manifest.folds
    scores, _, features, *weights = zip(*told, strict=True)
    own = [one.double().softmax(1).cpu().numpy() for one in scores]
    mean, calibrated = np.mean(own, axis=0), calibrate(own, folds)
    sets = vote(own, folds, mean, ordinal=manifest.ordinal)
    distances, shares = _compare([one.float().cpu().numpy() for one in features], references, manifest)
    views = [np.mean([one.float().cpu().numpy() for one in of_folds], axis=0) for of_folds in weights]
    return [
        Prediction(
            source=one.source,
            probabilities=dict(zip(classes, mean[at].tolist(), strict=True)),
            calibrated=dict(zip(classes, calibrated[at].tolist(), strict=True)) if manifest.calibrated_folds else {},
            predicted=classes[int(mean[at].argmax())],
            conformal_set=tuple(name for name, held in zip(classes, sets[at], strict=True) if held),
            distance=float(distances[at]) if np.isfinite(distances[at]) else None,
            similar=dict(zip(classes, shares[at].tolist(), strict=True)),
            view_weights=dict(zip(manifest.view_names, views[0][at].tolist(), strict=True)) if views else {},
            warnings=tuple(_warnings(manifest, one, distances[at])),
        )
        for at, one in enumerate(ready)
    ]


def _warnings(manifest: Manifest, ready: Ready, distance: float) -> Iterator[str]:
    limit = manifest.training_range.limit
    if limit is not None and distance > limit:
        yield (
            f"does not look like the mammograms of the training: as far from them as {distance:.2g} times the usual"
            f" (limit {limit:.2g})"
        )
    names, there = manifest.view_names, ready.present.tolist()
    if absent := [name for name, is_there in zip(names, there, strict=True) if not is_there]:
        yield f"{sum(there)} of {len(there)} views: {', '.join(absent)} not given"
    several = len(ready.statistics) > 1
    for name, statistics in zip(names, ready.statistics, strict=False):
        for said in range_warnings(statistics, manifest.training_range.statistics):
            yield f"{name}: {said}" if several else said


def calibrate(own: Sequence[Floats], folds: Sequence[FoldPart]) -> Floats:
    """Return the mean (n, K) of the folds' probabilities (n, K), each recalibrated as its validation rows said.

    A fold in which nothing could be fitted keeps its own. A mean of calibrated forecasts that differ is not calibrated,
    but a little too cautious (Ranjan and Gneiting, "Combining probability forecasts", J. R. Statist. Soc. B 72, 2010).
    """
    each = [
        one if fold.temperature is None else recalibrated(one, fold.temperature, np.array(fold.shift))
        for one, fold in zip(own, folds, strict=True)
    ]
    return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def vote(own: Sequence[Floats], folds: Sequence[FoldPart], mean: Floats, *, ordinal: bool) -> NDArray[np.bool_]:
    """Return the sets (n, K) of the classes that are in more than half of the folds' conformal sets.

    If each fold's holds the true class with a chance of 0.9 at least, theirs does with 0.8 at least, whatever they have
    in common (Gasparin and Ramdas, "Merging uncertainty sets via majority vote", arXiv 2401.09379, 2024, sect. 2.1);
    usually it is near 0.9. The likeliest class of `mean` (n, K) is added, and for ordinal classes whatever lies
    between two members, which can only hold the true class more often. A fold without a threshold votes for all.
    """
    votes = np.zeros(mean.shape)
    for one, fold in zip(own, folds, strict=True):
        limit = np.inf if fold.threshold is None else fold.threshold
        votes += nonconformity(one, ordinal=ordinal) <= limit
    sets: NDArray[np.bool_] = votes > len(folds) / 2
    sets[np.arange(len(mean)), mean.argmax(axis=1)] = True
    if ordinal:
        from_below = np.logical_or.accumulate(sets, axis=1)
        from_above = np.logical_or.accumulate(sets[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(from_below & from_above, dtype=np.bool_)
    return sets


def _compare(
    features: Sequence[NDArray[np.float32]], references: Sequence[Reference], manifest: Manifest
) -> tuple[Floats, Floats]:
    """Return the mean over the folds of the relative distance (n,), NaN if unknown, and the classes' shares (n, K)."""
    count = len(features[0])
    distances, shares = [], np.zeros((count, len(manifest.classes)))
    for own, reference, fold in zip(features, references, manifest.folds, strict=True):
        distance, labels = nearest(own, reference)
        if fold.scale is not None:
            distances.append(distance / fold.scale)
        for column in labels.T:
            shares[np.arange(count), column] += 1
    total = shares.sum(axis=1, keepdims=True)
    shares /= np.maximum(total, 1)
    return np.mean(distances, axis=0) if distances else np.full(count, np.nan), shares
