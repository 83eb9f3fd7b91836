"""Folds batch norms into the convolutions before them: the same function with fewer passes over memory."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.modes import evaluating

_TOLERANCE = 1e-2  # of the scores' spread: a GPU's convolutions may round to 10 bits (TF32)


def has_foldable_norms(classifier: Classifier) -> bool:
    """Return whether `fold_norms` changes anything."""
    return any(map(_foldable, classifier.modules()))


def fold_norms(classifier: Classifier) -> Classifier:
    """Return a copy in evaluation mode whose batch norms are part of the convolutions before them, only for inference.

    In evaluation mode a batch norm scales and shifts each channel by constants, which the kernels before it can do as
    well (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    CVPR 2018, section 3.2). The order of a module's children says which convolution comes before a batch norm. A
    plugin's `forward` may call them in another order or need them unchanged, so compare the copy's outputs with those
    of the classifier before it is used. A plugin's module that cannot be copied can raise anything.
    """
    lighter = copy.deepcopy(classifier).eval()
    for module in list(lighter.modules()):
        _fold_children(module)
    return lighter


def folded(classifier: Classifier, images: Tensor) -> Classifier:
    """Return `fold_norms` of the classifier if its scores are the same, else the classifier itself.

    The two are compared on `images` (N×V×1×H×W in [0, 1], on the classifier's device), on darker ones and on a black
    one.
    """
    tried = torch.cat([images, images / 4, torch.zeros_like(images[:1])])
    try:
        lighter = fold_norms(classifier)
        with evaluating(classifier), torch.no_grad():
            before, after = (_relative(model.scores(model(tried))) for model in (classifier, lighter))
    except Exception:  # a plugin's module can fail in any way when it is copied, or without its norms
        return classifier
    alike = torch.allclose(before, after, rtol=0, atol=_TOLERANCE * float(before.abs().amax()))
    return lighter if alike else classifier


def _relative(scores: Tensor) -> Tensor:
    """Return N×K class scores minus their mean over the classes, on which probabilities do not depend."""
    return scores - scores.mean(1, keepdim=True)


def _foldable(module: nn.Module) -> list[tuple[str, nn.Conv2d, str, nn.BatchNorm2d]]:
    """Return the names and modules of a convolution and the batch norm after it, for all pairs among the children."""
    return [
        (convolution_name, convolution, norm_name, norm)
        for (convolution_name, convolution), (norm_name, norm) in pairwise(module.named_children())
        if type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_mean is not None
    ]


def _fold_children(module: nn.Module) -> None:
    for convolution_name, convolution, norm_name, norm in _foldable(module):
        setattr(module, convolution_name, fuse_conv_bn_eval(convolution, norm))
        setattr(module, norm_name, nn.Identity())
