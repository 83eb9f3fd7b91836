"""Whether a heat map depends on what the network has learnt: the network with random weights, and how alike maps are.

Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, the test that randomises all parameters. A map
that comes out alike shows the picture, such as its edges, and not the network.
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
"""Networks with random weights a fold: how alike the maps of one are is to a good part chance."""

_WINDOW = 7  # pixels on a side of SSIM's window
_LOOK = 64  # values on the longer side that are ranked: maps are smooth


def random_classifier(
    recipe: Recipe, host: Host, classes: int, fold: int, draw: int, compute: Compute, images: Iterable[Tensor]
) -> Classifier:
    """Build the recipe's classifier with random weights throughout, others for each fold and draw, in evaluation mode.

    Batch norms take their statistics from `images` (N×V×1×H×W each, on the device): at their initial ones the values of
    a deep network fade, and its maps would be empty for that reason alone.
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
    """Return (N,) sizes |ρ| of Spearman's correlations of two N×H×W maps over the pixels in the breast, from 0 to 1.

    Without the sign, as a map that is turned over shows the same edges. NaN where either map is flat: without an order
    there is nothing to compare, and a network whose maps are empty says nothing about those of another.
    """
    step = max(max(first.shape[1:]) // _LOOK, 1)
    found = np.full(len(first), np.nan)
    for number, breast in enumerate(breasts[:, ::step, ::step]):
        inside = [rankdata(maps[number, ::step, ::step][breast]) for maps in (first, second)]
        deviations = [ranks - ranks.mean() for ranks in inside]
        sizes = [float(np.linalg.norm(one)) for one in deviations]
        if min(sizes) > 0:
            found[number] = min(abs(float(deviations[0] @ deviations[1])) / (sizes[0] * sizes[1]), 1.0)
    return found


def similarities(
    first: NDArray[np.float32], second: NDArray[np.float32], breasts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (N,) structural similarities of two N×H×W maps in [0, 1]: the mean over the breast, 1 for equal ones.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Trans. Image
    Processing 13, 2004, eq. 13, in windows of 7×7 pixels. Where both maps are flat it is 1 by definition, so it is high
    for sparse maps: read it beside the rank correlation.
    """

    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndimage.uniform_filter(values, (0, _WINDOW, _WINDOW)))

    one, other = first.astype(np.float64), second.astype(np.float64)
    mean_one, mean_other = local(one), local(other)
    variances = local(one**2) - mean_one**2 + local(other**2) - mean_other**2
    together = local(one * other) - mean_one * mean_other
    level = (2 * mean_one * mean_other + 0.01**2) / (mean_one**2 + mean_other**2 + 0.01**2)
    similar = level * (2 * together + 0.03**2) / (variances + 0.03**2)
    count = breasts.sum(axis=(1, 2))
    return np.asarray((similar * breasts).sum(axis=(1, 2)) / np.where(count > 0, count, np.nan))
