"""Checks whether a heat map depends on what the network has learnt, by comparing it with maps of random weights.

Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, the test that randomises all parameters. A map
that stays similar with random weights shows the picture, such as its edges, and not the network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import rankdata
from torch import Tensor, nn

from birads_zoo.devices import Compute
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.randomness import seed_libraries
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

DRAWS = 3
"""Networks with random weights per fold. Several, because the similarity of a single one varies by chance."""

_WINDOW = 7  # pixels on a side of SSIM's window
_LOOK = 64  # values on the longer side that are ranked; this is enough because maps are smooth


def random_classifier(
    recipe: Recipe, host: Host, classes: int, fold: int, draw: int, compute: Compute, images: Iterable[Tensor]
) -> Classifier:
    """Build the recipe's classifier with only random weights, different for each fold and draw, in evaluation mode.

    Batch norms take their statistics from `images` (N×V×1×H×W each, on the device). With their initial statistics the
    values of a deep network fade, and its maps would be empty just because of that.
    """
    seed_libraries(recipe.seed, "randomised", fold, draw)
    fresh = recipe.replace({"model.pretrained": False, "model.weights": "", "model.freeze": "none"})
    classifier = compute.place(build_classifier(fresh, host, classes)).eval()
    norms = [part for part in classifier.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all images
        norm.train()
    with torch.no_grad(), compute.precision():
        for batch in images if norms else ():
            classifier(batch)
    return classifier.eval()


def rank_correlations(
    first: NDArray[np.float32], second: NDArray[np.float32], breasts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the absolute Spearman correlations |ρ| (N,) of two N×H×W maps over the pixels in the breast, in [0, 1].

    The sign is dropped because an inverted map shows the same edges. NaN where either map is flat: it has no order to
    compare, and a network with empty maps says nothing about the maps of another.
    """
    step = max(max(first.shape[1:]) // _LOOK, 1)
    correlations = np.full(len(first), np.nan)
    for number, breast in enumerate(breasts[:, ::step, ::step]):
        inside = [rankdata(maps[number, ::step, ::step][breast]) for maps in (first, second)]
        deviations = [ranks - ranks.mean() for ranks in inside]
        norms = [float(np.linalg.norm(deviation)) for deviation in deviations]
        if min(norms) > 0:
            correlations[number] = min(abs(float(deviations[0] @ deviations[1])) / (norms[0] * norms[1]), 1.0)
    return correlations


def similarities(
    first: NDArray[np.float32], second: NDArray[np.float32], breasts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the structural similarities (N,) of two N×H×W maps in [0, 1]: the mean over the breast, 1 for equal maps.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Trans. Image
    Processing 13, 2004, eq. 13, in windows of 7×7 pixels. Where both maps are flat it is 1 by definition, so it is high
    for sparse maps. Read it together with the rank correlation.
    """

    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndimage.uniform_filter(values, (0, _WINDOW, _WINDOW)))

    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = local(a), local(b)
    variances = local(a**2) - mean_a**2 + local(b**2) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    level = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    similar = level * (2 * covariance + 0.03**2) / (variances + 0.03**2)
    count = breasts.sum(axis=(1, 2))
    return np.asarray((similar * breasts).sum(axis=(1, 2)) / np.where(count > 0, count, np.nan))
