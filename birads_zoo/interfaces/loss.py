"""Defines the interface of a loss: logits and targets to a scalar, and logits to the classes' probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from birads_zoo.errors import UserError
from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class LossContext:
    """The training data and the settings that a loss is built for.

    `class_counts` are the training rows per class, in class order. `class_weights` is true if rare classes should weigh
    more, and is only true for a loss with `LossSpec.weighs_classes`. `ordinal` is true if the classes' order has a
    meaning. `options` are the loss's own.
    """

    class_counts: tuple[int, ...]
    class_weights: bool
    ordinal: bool = False
    options: Any = NO_OPTIONS

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each class's rows, K values: all 1, or with `class_weights` n / (C · count), "balanced".

        The formula is scikit-learn's. C is the number of classes with training rows, so that the mean weight of the n
        rows is 1. A class without training rows has the weight 0: the network cannot learn it, so its validation rows
        must not choose the epoch.

        Raises:
            UserError: if no class has a row.

        """
        rows = sum(self.class_counts)
        if not rows:
            raise UserError(
                "no class has a training row, so there is nothing to weigh; check the split and the classes"
            )
        if not self.class_weights:
            return (1.0,) * len(self.class_counts)
        present = sum(count > 0 for count in self.class_counts)
        return tuple(rows / (present * count) if count else 0.0 for count in self.class_counts)


@dataclass(frozen=True, kw_only=True)
class OutputsContext:
    """The number of classes K that a loss's outputs are made for, and the loss's own options.

    Outputs are made again when a trained model is opened, so they must not depend on the training rows.
    """

    classes: int
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """How many logits a network has for K classes, and how they become probabilities.

    `logits` is their number L. `scores` maps logits N×L to class scores N×K: the logarithms of the probabilities, up to
    a constant for each row. The probabilities are the softmax of the scores, and explainers differentiate the scores.
    So they have the role of the logits in a softmax network. `rule` describes in one line how logits become
    probabilities; the model card quotes it.

    `scores` is exported with the network, so it may depend only on its argument, and must not branch on its values. It
    is differentiable, treats each row separately, keeps device and dtype (float32 or float64), and is finite for logits
    of ±100.

    With `shared_weights` the logits share one weight vector and differ only by their biases, which start at 0. These
    are the parallel slopes of cumulative link models and of CORAL.
    """

    logits: int
    scores: Callable[[Tensor], Tensor]
    rule: str
    shared_weights: bool = False

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities N×K of logits N×L; each row sums to 1."""
        return self.scores(logits).softmax(1)


def softmax_outputs(context: OutputsContext) -> Outputs:
    """Return the outputs of most losses: one logit per class, and their softmax."""
    return Outputs(logits=context.classes, scores=_unchanged, rule="the softmax of one logit per class")


def _unchanged(logits: Tensor) -> Tensor:
    return logits


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss: `build(context)` returns a module, (logits N×L, targets N of int64) → scalar.

    `outputs(context)` returns the number of logits L for K classes, and their meaning. By default the probabilities are
    the softmax of K logits.

    `weighs_classes` promises that each row's part of the loss is multiplied by its class's weight in
    `LossContext.weights`, and that the sum is divided by the number of rows. Dividing by the sum of the weights instead
    would cancel the weights in small batches. Recalibration relies on this: it divides the weights out of the
    probabilities. Without `weighs_classes`, `loss.class_weights = true` is refused.
    """

    name: str
    summary: str
    build: Callable[[LossContext], nn.Module]
    outputs: Callable[[OutputsContext], Outputs] = softmax_outputs
    weighs_classes: bool = False
    options: type[Options] = NoOptions
