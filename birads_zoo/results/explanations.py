"""The content of `explanations.json`: what `birads-zoo explain` found of each explainer."""

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
"""The scores of a heat map; docs/faithfulness.md says what each means."""

Baseline = Literal["random", "centre", "brightness", "untrained"]
"""Maps that an explainer's have to beat."""

MapScores = dict[MapScore, Estimate | None]


class ExplainerScores(msgspec.Struct, frozen=True, kw_only=True):
    """An explainer's scores over `n` images, and what they show: see `explanation.faithfulness.evaluate_explainer`.

    `faithful` is `None` where too few patients were explained to say, `depends_on_weights` where too few maps could be
    compared. `n_lesions` images of `n_lesion_patients` patients have marked lesions. `scores` are means over images,
    `baselines` those of each baseline, and `gain` how much better the explainer is than it, more than 0 being better
    for every score.
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
    """The same, with where the maps lie, relative to the folder, and what they took.

    `passes` are the forward passes that the scores of a map take, `draws` the networks with random weights of a fold.
    """

    maps: str
    overlays: str
    passes: int
    draws: int


class Explanations(msgspec.Struct, frozen=True, kw_only=True):
    """What was explained, `n` of `of` test images, and every explainer's scores by its name.

    `leaky` and `leak_proven` are those of the run's metrics; `height` and `width` are the maps', in pixels; `level` and
    `method` those of the intervals; `seconds` what explaining and scoring took.
    """

    FORMAT: ClassVar[int] = 2

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
