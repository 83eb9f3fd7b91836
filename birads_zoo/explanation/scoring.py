"""Makes a fold's maps and scores them and their baselines, in batches on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.devices import Compute
from birads_zoo.explanation.baselines import brightness_maps, centre_maps, moved_maps
from birads_zoo.explanation.curves import (
    PASSES_OF_A_MAP,
    PASSES_OF_A_PICTURE,
    Views,
    class_probability,
    measure_removal,
    prepare_removal,
)
from birads_zoo.explanation.localisation import energy_inside, pointing, share_of
from birads_zoo.explanation.sanity import rank_correlations, similarities
from birads_zoo.model.classifier import Classifier
from birads_zoo.randomness import numpy_generator, torch_generator

PASSES = PASSES_OF_A_PICTURE + 4 * PASSES_OF_A_MAP
"""Forward passes to score one explainer's map and its baselines, without those that make the maps."""

Scores = dict[str, NDArray[np.float64]]
MapMaker = Callable[[Tensor, Tensor, Tensor], NDArray[np.float32]]
"""B×V×1×H×W images, B class numbers and B×V bool, which images exist → B×V×H×W maps in [0, 1]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A fold's trained classifier, with all explainers of it and of classifiers with random weights.

    `placed` (H×W) is the part of the picture that the classifier's feature map covers: all of it, except for a margin
    where convolutions do not pad. In that margin every network's map may be 0.
    """

    classifier: Classifier
    placed: NDArray[np.bool_]
    explainers: Mapping[str, tuple[MapMaker, Sequence[MapMaker]]]
    compute: Compute
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """P pictures to explain, with their samples and their row numbers `rows` (P,).

    `breasts` and `lesions` (P×H×W) are masks of the breast and of the marked lesions, empty for pictures without marks.
    """

    explained: Views
    rows: NDArray[np.int64]
    breasts: NDArray[np.bool_]
    lesions: NDArray[np.bool_]


def score_cases(subject: Subject, cases: Cases) -> Iterator[tuple[str, NDArray[np.float32], Scores]]:
    """Yield for each explainer its name, the P×H×W maps of the pictures, and its scores' columns, (P,) each.

    The columns are those of `explanations.csv`; NaN where a score is undefined. Comparisons with random weights are
    averaged over the networks where they are defined.
    """
    on_cpu = subject.compute.device.type == "cpu"
    pictures_at_once = 8 if on_cpu else 256  # a CPU is faster if the data stays in its cache
    explained = cases.explained
    probability = class_probability(subject.classifier, explained, subject.compute, pictures_at_once)
    originals = explained.pictures
    pictures, device = originals.cpu().numpy(), originals.device
    at = explained.samples.cpu().numpy(), explained.views.cpu().numpy()
    noise = [torch_generator(subject.seed, "removal", int(row)) for row in cases.rows]
    removal = prepare_removal(originals, torch.from_numpy(cases.breasts).to(device), probability, noise)

    def removed(maps: NDArray[np.float32]) -> Scores:
        scores = measure_removal(torch.from_numpy(maps).to(device), removal, probability)
        return {name: values.double().cpu().numpy() for name, values in scores.items()}

    def maps_of(make: MapMaker) -> NDArray[np.float32]:
        maps = make(explained.images, explained.targets, explained.present)
        return np.asarray(maps[at], np.float32)

    centre, brightness = centre_maps(cases.breasts), brightness_maps(pictures, cases.breasts)
    shared = (
        {"probability": removal.p_original.double().cpu().numpy()}
        | {"breast_share": cases.breasts.mean(axis=(1, 2), dtype=np.float64)}
        | {"pointing_chance": _where_marked(share_of(cases.lesions, cases.breasts), cases)}
        | _named("centre", removed(centre) | _at_lesions(centre, cases))
        | _named("brightness", removed(brightness) | _at_lesions(brightness, cases))
    )
    for name, (of_trained, of_random) in subject.explainers.items():
        maps = maps_of(of_trained)
        others = [_compared(maps, maps_of(make), cases, subject.placed) for make in of_random]
        draws = [numpy_generator(subject.seed, "moved", int(row)) for row in cases.rows]
        moved = moved_maps(maps, cases.breasts, draws)
        elsewhere = removed(moved) | {"energy_in_lesion": _at_lesions(moved, cases)["energy_in_lesion"]}
        yield (
            name,
            maps,
            removed(maps)
            | {"energy_in_breast": energy_inside(maps, cases.breasts)}
            | _at_lesions(maps, cases)
            | _named("random", elsewhere)
            | {column: _mean([other[column] for other in others]) for column in others[0]}
            | shared,
        )


def _compared(maps: NDArray[np.float32], other: NDArray[np.float32], cases: Cases, placed: NDArray[np.bool_]) -> Scores:
    """Score the maps `other` of a network with random weights: their similarity to `maps`, and at lesions."""
    area = cases.breasts & placed
    return {
        "rank_correlation": rank_correlations(maps, other, area),
        "ssim": similarities(maps, other, area),
    } | _named("untrained", _at_lesions(other, cases))


def _mean(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean (B,) over the `parts`, (B,) each, that are defined; NaN where none is."""
    values = np.stack(parts)
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _at_lesions(maps: NDArray[np.float32], cases: Cases) -> Scores:
    return {
        "pointing": _where_marked(pointing(maps, cases.lesions), cases),
        "energy_in_lesion": _where_marked(energy_inside(maps, cases.lesions), cases),
    }


def _where_marked(values: NDArray[np.float64], cases: Cases) -> NDArray[np.float64]:
    return np.where(cases.lesions.any(axis=(1, 2)), values, np.nan)


def _named(baseline: str, scores: Scores) -> Scores:
    return {f"{baseline}_{name}": values for name, values in scores.items()}
