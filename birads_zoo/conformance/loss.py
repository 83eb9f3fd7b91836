"""Tries losses on a few rows of logits: their outputs, their values and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn

from birads_zoo.conformance.contract import BrokenContractError, called, require, shape
from birads_zoo.interfaces import LossSpec, Outputs, OutputsContext
from birads_zoo.model.outputs import check_outputs
from birads_zoo.randomness import torch_generator

CLASS_COUNTS = (50, 20, 5)
"""Training rows of the classes for which a loss is tried."""

_CLASSES = len(CLASS_COUNTS)
_TARGETS = torch.tensor([0, 1, 2, 0, 1, 2])
_SURE = 100.0
_STEPS, _STEP = 60, 0.25  # enough to become nearly sure of any class, starting near 0


def try_outputs(spec: LossSpec) -> Outputs:
    """Check the outputs for two to five classes and the scores for three, and return the outputs for three.

    Raises:
        ValueError: when they are no `Outputs`, or their scores are not finite N×K.
        BrokenContractError: when the scores do not keep the logits' dtype, mix rows, change the logits, need values
            where only shapes are known, or are not finite, or have no finite gradient, for logits of ±100.

    """
    options = spec.options()
    for classes in (2, 4, 5):
        check_outputs(spec.outputs(OutputsContext(classes=classes, options=options)), classes)
    outputs = spec.outputs(OutputsContext(classes=_CLASSES, options=options))
    check_outputs(outputs, _CLASSES)
    for dtype in (torch.float32, torch.float64):
        logits = _random_logits(outputs).to(dtype)
        before = logits.clone()
        scores = outputs.scores(logits)
        require(torch.equal(logits, before), "its scores' function changes the logits in place")
        require(scores.dtype == dtype, f"{dtype} logits gave {scores.dtype} scores: the dtype must stay the same")
        alone = torch.cat([outputs.scores(row[None]) for row in logits])
        require(torch.allclose(scores, alone, rtol=1e-4, atol=1e-5), "a row's scores depend on the other rows")
    sure = _sure_logits(outputs).requires_grad_()
    scores = outputs.scores(sure)
    require(bool(scores.isfinite().all()), "logits of ±100 give scores that are not finite")
    (gradient,) = torch.autograd.grad(scores.log_softmax(1).sum(), sure)
    require(bool(gradient.isfinite().all()), "logits of ±100 give scores whose gradient is not finite")
    try:
        outputs.scores(torch.empty(2, outputs.logits, device="meta"))
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise BrokenContractError(
            f"its scores need the logits' values or another device, so that the network cannot be exported ({error})"
        ) from None
    return outputs


def try_loss(loss: nn.Module, outputs: Outputs) -> None:
    """Check the loss of random logits and of logits of ±100, and that lowering it makes the right classes likely.

    Raises:
        BrokenContractError: when the loss is no finite scalar, its gradient is zero or not finite, or a lower loss does
            not give the right classes higher probabilities.

    """
    logits = _random_logits(outputs).requires_grad_()
    cost = called(loss, logits, _TARGETS)
    require(cost.ndim == 0, f"logits {shape(logits)} gave a loss of shape {shape(cost)} instead of a scalar")
    require(bool(cost.isfinite()), f"random logits give a loss of {cost:.3g}")
    require(cost.requires_grad, "the loss has no gradient with respect to the logits")
    (gradient,) = torch.autograd.grad(cost, logits)
    require(bool(gradient.isfinite().all() and gradient.any()), "the loss's gradient is zero or not finite")
    sure = _sure_logits(outputs).requires_grad_()
    for target in range(_CLASSES):
        cost = called(loss, sure, torch.full((len(sure),), target))
        require(bool(cost.isfinite()), f"logits of ±100 give a loss of {cost:.3g}: it must stay finite")
        (gradient,) = torch.autograd.grad(cost, sure)
        require(bool(gradient.isfinite().all()), "logits of ±100 give a gradient that is not finite")
    learnt = _lowered(loss, logits.detach())
    predicted = outputs.probabilities(learnt).argmax(1)
    require(
        torch.equal(predicted, _TARGETS),
        f"logits that lower the loss of the classes {_TARGETS.tolist()} are read as the classes {predicted.tolist()}: "
        "the loss and its outputs do not agree",
    )
    right, wrong = (called(loss, learnt, targets) for targets in (_TARGETS, _TARGETS.roll(1)))
    require(bool(right < wrong), f"right answers cost {right:.3g}, wrong ones {wrong:.3g}")


def try_weights(plain: nn.Module, weighing: nn.Module, weights: Sequence[float], outputs: Outputs) -> None:
    """Compare each row's gradient of the loss with and without class weights.

    Raises:
        BrokenContractError: when a row's gradient is not multiplied by its class's weight, up to a constant factor.

    """
    before, after = (_row_gradients(loss, outputs) for loss in (plain, weighing))
    expected = before * torch.tensor(weights)[_TARGETS, None]
    expected = expected * ((expected * after).sum() / (expected**2).sum())
    require(
        torch.allclose(after, expected, rtol=1e-3, atol=1e-3 * float(after.abs().max())),
        "it says that it weighs classes, but class weights do not multiply its rows' gradients: multiply each row's "
        "loss by its class's value in context.weights and divide the sum by the number of rows (torch's own weighted "
        "mean divides by the sum of their weights), or leave out weighs_classes",
    )


def _row_gradients(loss: nn.Module, outputs: Outputs) -> Tensor:
    """Return the gradient of each row's loss, as if it were alone in its batch."""
    rows = [
        (row[None].requires_grad_(), target[None])
        for row, target in zip(_random_logits(outputs), _TARGETS, strict=True)
    ]
    return torch.cat([torch.autograd.grad(called(loss, row, target), row)[0] for row, target in rows])


def _lowered(loss: nn.Module, logits: Tensor) -> Tensor:
    """Return the logits after steps of equal length down the loss's gradient."""
    for _ in range(_STEPS):
        logits = logits.requires_grad_()
        (gradient,) = torch.autograd.grad(called(loss, logits, _TARGETS), logits)
        logits = (logits - _STEP * gradient.sign()).detach()
    return logits


def _random_logits(outputs: Outputs) -> Tensor:
    return torch.randn(len(_TARGETS), outputs.logits, generator=torch_generator(0, "conformance"))


def _sure_logits(outputs: Outputs) -> Tensor:
    """Return rows of ±100 in all combinations of the first eight logits; further logits repeat these."""
    signs = list(product((-_SURE, _SURE), repeat=min(outputs.logits, 8)))
    return torch.tensor(signs).repeat(1, -(-outputs.logits // 8))[:, : outputs.logits]
