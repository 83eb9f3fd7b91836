"""A loss: from logits and targets to a scalar, and from logits to the classes' probabilities."""

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
    """What a loss is built for.

    `class_counts` are the training rows per class, in class order; `class_weights` says whether rare classes weigh
    more, which only a loss with `LossSpec.weighs_classes` is asked for; `ordinal` whether the classes' order carries
    meaning; `options` are the loss's own.
    """

    class_counts: tuple[int, ...]
    class_weights: bool
    ordinal: bool = False
    options: Any = NO_OPTIONS

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each class's rows, K values: all 1, or with `class_weights` n / (C · count), "balanced".

        The formula is scikit-learn's. C counts the classes that have training rows, so that the weights of the n rows
        average to 1. A class without any weighs 0: nothing is known of it, and rows of it in a validation set shall
        not choose the epoch.

        Raises:
            UserError: when no class has a row.

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
    """What a loss's outputs are made for: the number of classes K, and the loss's own options.

    Outputs are made again when a trained model is opened, so they must not depend on the training rows.
    """

    classes: int
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """How many logits a network has for K classes, and how they become probabilities.

    `logits` is their number L. `scores` maps logits N×L to class scores N×K: the logarithms of the probabilities, up to
    a constant for each row. The engine takes the softmax of the scores as the probabilities, and explainers
    differentiate them, so they play the part that logits have in a softmax network. `rule` says in one line how
    logits become probabilities; the model card quotes it.

    `scores` is exported with the network, so it may depend on nothing but its argument, and not on its values by an
    `if`. It is differentiable, treats each row by itself, keeps device and dtype (float32 or float64), and is finite
    for logits of ±100.

    With `shared_weights` the logits share one weight vector and differ by their biases alone, which start at 0: the
    parallel slopes of cumulative link models and of CORAL.
    """

    logits: int
    scores: Callable[[Tensor], Tensor]
    rule: str
    shared_weights: bool = False

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities N×K of logits N×L; each row sums to 1."""
        return self.scores(logits).softmax(1)


def softmax_outputs(context: OutputsContext) -> Outputs:
    """Return the outputs of most losses: one logit for each class, and their softmax."""
    return Outputs(logits=context.classes, scores=_unchanged, rule="the softmax of one logit per class")


def _unchanged(logits: Tensor) -> Tensor:
    return logits


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss: `build(context)` returns a module, (logits N×L, targets N of int64) → scalar.

    `outputs(context)` says how many logits L a network has for K classes, and what they mean; by default the
    probabilities are the softmax of K logits.

    `weighs_classes` promises that each row's part of the loss is multiplied by its class's weight,
    `LossContext.weights`, and that the sum is divided by the number of rows, not by that of their weights, which would
    take the weights out of small batches. Recalibration relies on it: it divides the weights out of the probabilities.
    Without it `loss.class_weights = true` is refused.
    """

    name: str
    summary: str
    build: Callable[[LossContext], nn.Module]
    outputs: Callable[[OutputsContext], Outputs] = softmax_outputs
    weighs_classes: bool = False
    options: type[Options] = NoOptions
