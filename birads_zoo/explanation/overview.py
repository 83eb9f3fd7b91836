"""Makes heat maps of a few test rows of each class, by the fold's own classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.batches import Batches
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import Compute
from birads_zoo.explanation.heat_maps import choose_sample, explain_sample
from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe
from birads_zoo.training.fold import Fitted

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

PER_CLASS = 3  # rows: with up to seven classes the figure is still easy to read


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Test rows of one fold (positions in the labelled index), and heat maps n×O×H×W in [0, 1] of their true classes.

    The O pictures are those that a sample's label is about (`Prepared.own`). The map of a missing picture is 0.
    """

    fold: int
    positions: NDArray[np.int64]
    maps: NDArray[np.float32]


def explain_fold(
    recipe: Recipe, host: Host, data: Prepared, fitted: Fitted, classifier: Classifier, compute: Compute
) -> Explained:
    """Explain the evidence for the true class of some test rows of each class, from the least to the most certain."""
    labels = data.labelled.labels[fitted.fold.test]
    chosen = choose_sample(labels, fitted.test, PER_CLASS, numpy_generator(recipe.seed, "explained"))
    positions = fitted.fold.test[chosen]
    samples = data.samples[positions]
    batches = Batches(data.store.array, samples, labels[chosen], recipe.training.batch_size, compute.device)
    spec = host.explainer(recipe.explainer.name)
    options = host.options("explainer", spec.name, recipe.explainer.options)
    with host.building("explainer", spec.name):
        explainer = spec.build(ExplainerContext(classifier=classifier, options=options))
        maps = [
            explain_sample(
                classifier,
                explainer,
                batch.images,
                batch.targets,
                recipe.training.batch_size,
                present=batch.present,
                seed=recipe.seed,
            )
            for batch in batches.epoch(None)
        ]
    return Explained(fold=fitted.fold.number, positions=positions, maps=np.concatenate(maps)[:, : len(data.own.names)])
