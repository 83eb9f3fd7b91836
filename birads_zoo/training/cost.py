"""Measures what a model costs: its parameters, operations, speed, memory and energy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from birads_zoo.data.batches import Batches
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import Compute
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.modes import evaluating
from birads_zoo.recipe import Recipe
from birads_zoo.results.cost import Cost
from birads_zoo.training.history import Epoch
from birads_zoo.training.predict import predict

_TIMED_SECONDS = 1.0  # long enough to measure, short compared with a fold
_TIMED_BATCHES = 4  # of a fold's test rows, at most; a whole fold took up to 18 % of a short run
_TIMED_PASSES = 20  # the most passes, if there are few rows


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a classifier, and how fast it predicts."""

    parameters: int
    trainable: int  # of the parameters
    flops: int | None  # of one sample's forward pass
    predict_rate: float  # images/s, including loading the data


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of the meters before the first fold."""

    seconds: float
    energy: float | None


def begin(compute: Compute) -> Start:
    """Reset the peak of memory and read the meters, before the first fold."""
    compute.forget_peak()
    return Start(seconds=time.perf_counter(), energy=compute.energy())


def measure_size(classifier: Classifier, recipe: Recipe, data: Prepared, compute: Compute) -> Size:
    """Measure a trained classifier on rows of `data`; its mode is kept. `recipe` has its ablations applied."""
    parameters = list(classifier.parameters())
    with evaluating(classifier):
        return Size(
            parameters=sum(parameter.numel() for parameter in parameters),
            trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
            flops=flops_per_sample(classifier, len(data.samples.names), recipe.image.height, recipe.image.width),
            predict_rate=_predict_rate(classifier, recipe, data, compute),
        )


def total(start: Start, size: Size, history: Sequence[Epoch], compute: Compute, *, resumed: bool) -> Cost:
    """Read the meters after the last fold. `history` has every epoch of every fold; it is not empty."""
    compute.wait()
    before, after = start.energy, compute.energy()
    return Cost(
        parameters=size.parameters,
        trainable=size.trainable,
        flops=size.flops,
        train_rate=float(np.median([epoch.images_per_second for epoch in history])),
        predict_rate=size.predict_rate,
        peak_memory=compute.peak_memory(),
        energy=None if resumed or before is None or after is None else after - before,
        seconds=None if resumed else time.perf_counter() - start.seconds,
    )


def flops_per_sample(classifier: nn.Module, views: int, height: int, width: int) -> int | None:
    """Count the floating-point operations of one sample's forward pass, `views` pictures of height×width.

    The module keeps its mode.

    The count includes matrix products, convolutions and attention; a multiplication and an addition are two operations
    (torch.utils.flop_counter). Norms, activations and pooling are not counted. Attention is computed as plain matrix
    products here, because the counter misses some of its fused forms. `None` if nothing is counted: the module then
    uses only operations that the counter does not know.
    """
    device = next((parameter.device for parameter in classifier.parameters()), torch.device("cpu"))
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            classifier(torch.zeros(1, views, 1, height, width, device=device))
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return int(counter.get_total_flops()) or None


def _predict_rate(classifier: Classifier, recipe: Recipe, data: Prepared, compute: Compute) -> float:
    rows = data.folds[0].test[: _TIMED_BATCHES * recipe.training.batch_size]
    batches = Batches(
        data.store.array,
        data.samples[rows],
        data.labelled.labels[rows],
        recipe.training.batch_size,
        compute.device,
    )
    return timed_rate(lambda: predict(classifier, Classifier.forward_details, batches, compute), len(rows), compute)


def timed_rate(work: Callable[[], object], images: int, compute: Compute) -> float:
    """Return the images/s of `work`, which processes `images` images: the median of several passes after a warm-up."""
    work()
    compute.wait()
    passes: list[float] = []
    while not passes or (sum(passes) < _TIMED_SECONDS and len(passes) < _TIMED_PASSES):
        started = time.perf_counter()
        work()
        compute.wait()
        passes.append(time.perf_counter() - started)
    return images / float(np.median(passes))
