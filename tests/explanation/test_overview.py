"""The rows that a run explains: one map each, and random explainers use the recipe's seed."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from birads_zoo.data.index.views import Samples
from birads_zoo.explanation.overview import Explained, explain_fold
from birads_zoo.interfaces import ExplainerSpec, NoOptions
from birads_zoo.recipe import ExplainerSection, Recipe, TrainingSection


def random_maps(images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
    return torch.rand(images.shape[1:]).expand_as(images)[:, :, 0]


def explained(seed: int, batch_size: int) -> Explained:
    rows = np.arange(8)
    labels = rows % 2
    data: Any = SimpleNamespace(
        labelled=SimpleNamespace(labels=labels),
        samples=Samples.alone(rows),
        own=Samples.alone(rows),
        store=SimpleNamespace(array=np.zeros((8, 4, 6), np.uint8)),
    )
    fitted: Any = SimpleNamespace(fold=SimpleNamespace(test=rows, number=0), test=np.eye(2)[labels])
    spec = ExplainerSpec(name="random", summary="s", build=lambda classifier: random_maps)
    host: Any = SimpleNamespace(
        explainer=lambda name: spec,
        options=lambda *about: NoOptions(),
        building=lambda kind, name: nullcontext(),
    )
    recipe = Recipe(
        seed=seed, explainer=ExplainerSection(name="random"), training=TrainingSection(batch_size=batch_size)
    )
    compute: Any = SimpleNamespace(device=torch.device("cpu"))
    classifier: Any = nn.Linear(1, 1)
    classifier.place = None
    return explain_fold(recipe, host, data, fitted, classifier, compute)


def test_an_explainers_random_draws_depend_only_on_the_recipes_seed() -> None:
    torch.manual_seed(1)
    first = explained(seed=3, batch_size=4)
    assert first.maps.shape == (6, 1, 4, 6)
    again = explained(seed=3, batch_size=5)
    assert np.array_equal(first.positions, again.positions)
    assert np.array_equal(first.maps, again.maps)
    assert not np.array_equal(first.maps, explained(seed=4, batch_size=4).maps)
