"""The outputs that a recipe's loss defines for a network: how many logits, and how they become probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Outputs, OutputsContext

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipe import Recipe


def make_outputs(recipe: Recipe, host: Host, classes: int) -> Outputs:
    """Return the outputs of the recipe's loss for `classes` classes.

    Raises:
        UserError: for an unknown loss, a loss with invalid outputs, and a loss that the recipe's classification of
            places (`model.evidence`) cannot use because it does not have one logit for each class.

    """
    spec = host.loss(recipe.loss.name)
    options = host.options("loss", spec.name, recipe.loss.options)
    with host.building("loss", spec.name):
        outputs = spec.outputs(OutputsContext(classes=classes, options=options))
        check_outputs(outputs, classes)
    if recipe.model.evidence and (outputs.logits != classes or outputs.shared_weights):
        raise UserError(
            f"model.evidence needs a loss with one logit for each class, but {spec.name!r} has {outputs.logits} for "
            f"{classes} classes; set model.evidence=false and training.lesion_weight=0, or choose another loss"
        )
    return outputs


def check_outputs(outputs: object, classes: int) -> None:
    """Check a loss's outputs with the scores of two rows of zeros.

    Raises:
        ValueError: if they are not `Outputs` for `classes` classes, or their scores are not finite N×K.

    """
    if not isinstance(outputs, Outputs):
        raise ValueError(f"its `outputs` returned a {type(outputs).__name__}, not Outputs")
    if not isinstance(outputs.logits, int) or outputs.logits < 1:
        raise ValueError(f"its outputs have {outputs.logits!r} logits: a whole number from 1 on is needed")
    scores: object = outputs.scores(torch.zeros(2, outputs.logits))
    if not isinstance(scores, Tensor):
        raise ValueError(f"its outputs' scores are a {type(scores).__name__}, not a tensor N×{classes}")
    if scores.shape != (2, classes):
        raise ValueError(
            f"logits of the shape (2, {outputs.logits}) gave scores of the shape {tuple(scores.shape)}, not "
            f"(2, {classes})"
        )
    if not scores.isfinite().all():
        raise ValueError("logits of 0 gave scores that are not finite")
