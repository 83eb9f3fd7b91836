"""Defines the content of `explanations.json`: the scores that `birads-zoo explain` measured for each explainer."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from birads_zoo.results.estimate import Estimate

MapScore = Literal[
    "deletion",
    "insertion",
    "road",
    "energy_in_breast",
    "breast_share",
    "pointing",
    "energy_in_lesion",
    "rank_correlation",
    "ssim",
]
"""The scores of a heat map; docs/faithfulness.md explains each."""

Baseline = Literal["random", "centre", "brightness", "untrained"]
"""The baseline maps, which an explainer has to beat."""

MapScores = dict[MapScore, Estimate | None]


class ExplainerScores(msgspec.Struct, frozen=True, kw_only=True):
    """An explainer's scores over `n` images, and its verdict: see `explanation.faithfulness.evaluate_explainer`.

    `faithful` is `None` if too few patients were explained, `depends_on_weights` if too few maps could be compared.
    `n_lesions` images of `n_lesion_patients` patients have marked lesions. `scores` are means over images, `baselines`
    the same for each baseline map. `gain` is by how much the explainer is better than the baseline map; above 0 is
    better for every score.
    """

    faithful: bool | None
    verdict: str
    depends_on_weights: bool | None
    n: int
    n_lesions: int
    n_lesion_patients: int
    scores: MapScores
    baselines: dict[Baseline, MapScores]
    gain: dict[Baseline, MapScores]


class ExplainerResult(ExplainerScores, frozen=True, kw_only=True):
    """An explainer's scores, the paths of its maps relative to the folder, and the computing effort.

    `passes` is the number of forward passes for the scores of one map, `draws` the number of networks with random
    weights per fold.
    """

    maps: str
    overlays: str
    passes: int
    draws: int


class Explanations(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of every explainer, by its name, on `n` of `of` test images.

    `leaky` and `leak_proven` are those of the run's metrics. `height` and `width` are the maps' size in pixels. `level`
    and `method` are those of the intervals. `seconds` is the time for explaining and scoring. `files` has the SHA-256
    digests of the folder's other files, by their paths in it; it is empty until they are written.
    """

    FORMAT: ClassVar[int] = 3

    n: int
    of: int
    patients: int
    with_lesions: int
    target: str
    classes: tuple[str, ...]
    split: str
    leaky: bool
    folds: int
    height: int
    width: int
    level: float
    method: str
    explainers: dict[str, ExplainerResult]
    seconds: float
    leak_proven: bool = True
    files: dict[str, str] = {}
