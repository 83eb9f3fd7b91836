"""Predicts with an exported model: combines the outputs of the folds' networks."""

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
from birads_zoo.errors import UserError
from birads_zoo.evaluation.probabilities.applying import nonconformity, recalibrated

if TYPE_CHECKING:
    from birads_zoo.artifact.networks.exported import Network

_AHEAD = 2  # batches on the device or being combined before the first of them is returned

Floats = NDArray[np.float64]


def predict_prepared(
    manifest: Manifest,
    networks: Sequence[Network],
    references: Sequence[Reference],
    compute: Compute,
    prepared: Iterable[Ready | Prediction],
    batch_size: int,
) -> Iterator[Prediction]:
    """Yield the predictions of prepared samples, in their order; those that could not be read pass unchanged.

    A sample for which a network gives infinite or NaN values gets an error. A thread combines one batch's outputs while
    the device runs the next batch.
    """
    waiting: deque[tuple[list[Ready | Prediction], Future[list[Prediction]]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="combining") as pool:
        for batch in _batches(prepared, batch_size):
            ready = [item for item in batch if not isinstance(item, Prediction)]
            outputs = _forward(networks, ready, compute)
            _check_shapes(outputs, len(ready), manifest, references)
            waiting.append((batch, pool.submit(_conclude, manifest, references, ready, outputs)))
            if len(waiting) > _AHEAD:
                yield from _merged(*waiting.popleft())
        while waiting:
            yield from _merged(*waiting.popleft())


def _batches(prepared: Iterable[Ready | Prediction], batch_size: int) -> Iterator[list[Ready | Prediction]]:
    batch: list[Ready | Prediction] = []
    for item in prepared:
        batch.append(item)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _merged(batch: list[Ready | Prediction], concluded: Future[list[Prediction]]) -> Iterator[Prediction]:
    predictions = iter(concluded.result())
    return (item if isinstance(item, Prediction) else next(predictions) for item in batch)


@torch.inference_mode()
def _forward(networks: Sequence[Network], ready: Sequence[Ready], compute: Compute) -> list[tuple[Tensor, ...]]:
    """Return every network's outputs for the samples, on the device."""
    if not ready:
        return []
    images = as_images(stacked([sample.pixels for sample in ready]), compute.device)
    present = torch.from_numpy(np.stack([sample.present for sample in ready])).to(compute.device)
    with compute.precision():
        return [network(images, present) for network in networks]


def _check_shapes(
    outputs: Sequence[tuple[Tensor, ...]], count: int, manifest: Manifest, references: Sequence[Reference]
) -> None:
    """Check the shapes of every fold's outputs: an ONNX file can have any. Raises `UserError`."""
    weighs_views = manifest.recipe.model.fusion == "attention"
    scores, views = (count, len(manifest.classes)), (count, len(manifest.view_names))
    for fold, of_fold, reference in zip(manifest.folds, outputs, references, strict=False):
        expected = [scores, scores, (count, len(reference.mean)), *([views] if weighs_views else [])]
        if [tuple(values.shape) for values in of_fold] != expected:
            raise UserError(
                f"the network in {fold.weights} has outputs of other shapes than the model needs: export the run again"
            )


def _conclude(
    manifest: Manifest, references: Sequence[Reference], ready: Sequence[Ready], outputs: list[tuple[Tensor, ...]]
) -> list[Prediction]:
    if not ready:
        return []
    finite = _finite(outputs)
    use = torch.from_numpy(finite.all(axis=0))
    predictions = iter(
        _combine(
            manifest,
            references,
            [sample for sample, used in zip(ready, use.tolist(), strict=True) if used],
            [tuple(values[use.to(values.device)] for values in of_fold) for of_fold in outputs],
        )
    )
    return [
        next(predictions) if good == len(outputs) else Prediction(source=sample.source, error=_no_number(good, outputs))
        for sample, good in zip(ready, finite.sum(axis=0).tolist(), strict=True)
    ]


def _finite(outputs: Sequence[tuple[Tensor, ...]]) -> NDArray[np.bool_]:
    """Return for every fold and sample (folds, n) whether all values that the network gives are numbers."""
    checked = [[values.flatten(1).isfinite().all(1) for values in of_fold] for of_fold in outputs]
    return np.stack([torch.stack(of_fold).all(0).cpu().numpy() for of_fold in checked])


def _no_number(good: int, outputs: Sequence[tuple[Tensor, ...]]) -> str:
    return (
        f"{len(outputs) - good} of the model's {len(outputs)} networks give infinite or NaN values for it, so there is "
        "no prediction"
    )


def _combine(
    manifest: Manifest, references: Sequence[Reference], ready: Sequence[Ready], outputs: list[tuple[Tensor, ...]]
) -> list[Prediction]:
    if not ready:
        return []
    classes, folds = manifest.classes, manifest.folds
    scores, _, features, *weights = zip(*outputs, strict=True)
    probabilities = [fold_scores.double().softmax(1).cpu().numpy() for fold_scores in scores]
    mean, calibrated = np.mean(probabilities, axis=0), calibrate(probabilities, folds)
    sets = vote(probabilities, folds, mean, ordinal=manifest.ordinal)
    distances, shares = _compare(
        [fold_features.float().cpu().numpy() for fold_features in features], references, manifest
    )
    views = [np.mean([fold_weights.float().cpu().numpy() for fold_weights in of_folds], axis=0) for of_folds in weights]
    return [
        Prediction(
            source=sample.source,
            probabilities=dict(zip(classes, mean[at].tolist(), strict=True)),
            calibrated=dict(zip(classes, calibrated[at].tolist(), strict=True)) if manifest.calibrated_folds else {},
            predicted=classes[int(mean[at].argmax())],
            conformal_set=tuple(name for name, held in zip(classes, sets[at], strict=True) if held),
            distance=float(distances[at]) if np.isfinite(distances[at]) else None,
            similar=dict(zip(classes, shares[at].tolist(), strict=True)),
            view_weights=dict(zip(manifest.view_names, views[0][at].tolist(), strict=True)) if views else {},
            warnings=tuple(_warnings(manifest, sample, distances[at])),
        )
        for at, sample in enumerate(ready)
    ]


def _warnings(manifest: Manifest, ready: Ready, distance: float) -> Iterator[str]:
    limit = manifest.training_range.limit
    if limit is not None and distance > limit:
        yield (
            f"does not look like the training mammograms: {distance:.2g} times as far from them as usual"
            f" (limit {limit:.2g})"
        )
    names, there = manifest.view_names, ready.present.tolist()
    if absent := [name for name, is_there in zip(names, there, strict=True) if not is_there]:
        yield f"{sum(there)} of {len(there)} views: {', '.join(absent)} not given"
    several = len(ready.statistics) > 1
    for name, statistics in zip(names, ready.statistics, strict=False):
        for warning in range_warnings(statistics, manifest.training_range.statistics):
            yield f"{name}: {warning}" if several else warning


def calibrate(probabilities: Sequence[Floats], folds: Sequence[FoldPart]) -> Floats:
    """Return the mean (n, K) of the folds' probabilities (n, K), each recalibrated as fitted on its validation rows.

    A fold without a fit keeps its own probabilities. A mean of calibrated forecasts that differ is not calibrated,
    but a little too cautious (Ranjan and Gneiting, "Combining probability forecasts", J. R. Statist. Soc. B 72, 2010).
    """
    recalibrated_folds = [
        values if fold.temperature is None else recalibrated(values, fold.temperature, np.array(fold.shift))
        for values, fold in zip(probabilities, folds, strict=True)
    ]
    return np.asarray(np.mean(recalibrated_folds, axis=0), dtype=np.float64)


def vote(
    probabilities: Sequence[Floats], folds: Sequence[FoldPart], mean: Floats, *, ordinal: bool
) -> NDArray[np.bool_]:
    """Return the sets (n, K) of the classes that are in more than half of the folds' conformal sets.

    If each fold's set holds the true class with a chance of at least 0.9, the majority's set does with at least 0.8,
    however dependent the folds are (Gasparin and Ramdas, "Merging uncertainty sets via majority vote", arXiv
    2401.09379, 2024, sect. 2.1); usually the chance is near 0.9. The likeliest class of `mean` (n, K) is added, and for
    ordinal classes every class between two members; a larger set can only hold the true class more often. A fold
    without a threshold votes for all classes.
    """
    votes = np.zeros(mean.shape)
    for values, fold in zip(probabilities, folds, strict=True):
        limit = np.inf if fold.threshold is None else fold.threshold
        votes += nonconformity(values, ordinal=ordinal) <= limit
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
