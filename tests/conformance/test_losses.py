"""Conformance checks report each way in which a loss or its outputs break the contract."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from birads_zoo import LossSpec, Outputs, conformance


class Computes(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, logits, targets):
        return self.function(logits, targets)


def errors_of(loss, outputs=None):
    given = {} if outputs is None else {"outputs": outputs}
    findings = conformance.check_loss(LossSpec(name="x", summary="s", build=lambda context: Computes(loss), **given))
    assert all(finding.severity == "error" for finding in findings)
    return [finding.text for finding in findings]


def with_fooled_value(logits, targets):
    """Return minus the cross-entropy, with the gradient of plus the cross-entropy."""
    cost = F.cross_entropy(logits, targets)
    return cost - 2 * cost.detach()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z, t: F.cross_entropy(z, t, reduction="none"), "gave a loss of shape 6 instead of a scalar"),
        (lambda z, t: F.cross_entropy(z.detach(), t), "the loss has no gradient with respect to the logits"),
        (lambda z, t: -z.softmax(1).gather(1, t[:, None]).log().mean(), "logits of ±100 give a loss of inf"),
        (lambda z, t: (z**2).sum().sqrt() + (z / 100).acos().mean(), "logits of ±100 give a gradient that is not"),
        (lambda z, t: -F.cross_entropy(z, t), "are read as the classes"),
        (lambda z, t: F.cross_entropy(-z, t), "the loss and its outputs do not agree"),
        (with_fooled_value, "right answers cost 0, wrong ones -"),
        (lambda z, t: 0 * z.sum(), "the loss's gradient is zero or not finite"),
        (lambda z, t: z.sum() / 0, "random logits give a loss of"),
        (lambda z, t: 1.0, "the module returned a value of type float, not a tensor"),
    ],
)
def test_each_way_to_break_a_loss(function, message):
    (text,) = errors_of(function)
    assert message in text


def binary(logits, targets):
    """Separate the last class from the rest by one logit."""
    return F.binary_cross_entropy_with_logits(logits[:, 0], (targets == 2).float())


def gives(scores, logits=1):
    return lambda context: Outputs(logits=logits, scores=scores, rule="r")


class _Fixed:
    slope = torch.tensor([-1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (4, "whose `outputs` is a value of type int, not a function"),
        (lambda context: context.classes, "its `outputs` returned a int, not Outputs"),
        (gives(lambda z: z, logits=0), "its outputs have 0 logits: a whole number from 1 on is needed"),
        (gives(lambda z: z, logits=1.0), "its outputs have 1.0 logits: a whole number from 1 on is needed"),
        (gives(lambda z: z), "logits of the shape (2, 1) gave scores of the shape (2, 1), not (2, 2)"),
        (gives(lambda z: z.tolist()), "its outputs' scores are a list, not a tensor N×2"),
        (lambda context: Outputs(logits=1, rule="r", scores=lambda z: z.expand(-1, context.classes) / 0), "not finite"),
    ],
)
def test_each_way_to_return_wrong_outputs(outputs, message):
    (text,) = errors_of(binary, outputs)
    assert message in text


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda z, k: (z * k).float(), "torch.float64 logits gave torch.float32 scores: the dtype must stay the same"),
        (lambda z, k: (z - z.mean(0)) * k, "a row's scores depend on the other rows"),
        (lambda z, k: z.clamp_(-1, 1) * k, "its scores' function changes the logits in place"),
        (lambda z, k: (z * k).softmax(1).log(), "logits of ±100 give scores that are not finite"),
        (lambda z, k: (z * k / 300).square().sqrt(), "logits of ±100 give scores whose gradient is not finite"),
        (lambda z, k: z * k if z.isfinite().all() else z * 0, "so that the network cannot be exported ("),
        (lambda z, k: z * _Fixed.slope.to(z.dtype) if k.numel() == 3 else z * k, "cannot be exported ("),
        (lambda z, k: -z * k, "are read as the classes"),
    ],
)
def test_each_way_in_which_scores_break_the_contract(scores, message):
    def outputs(context):
        def of(logits):
            return scores(logits, torch.arange(context.classes, dtype=logits.dtype, device=logits.device))

        return Outputs(logits=1, scores=of, rule="r")

    (text,) = errors_of(lambda z, t: F.cross_entropy(z * torch.arange(3.0), t), outputs)
    assert message in text


def test_fewer_logits_than_classes_are_allowed():
    """One logit z for any number of classes; the likeliest class is the one nearest to z: p(k) ∝ exp(zk − k²/2)."""

    def outputs(context):
        def scores(logits):
            k = torch.arange(context.classes, dtype=logits.dtype, device=logits.device)
            return logits * k - k**2 / 2

        return Outputs(logits=1, scores=scores, rule="r")

    k = torch.arange(3.0)
    assert errors_of(lambda z, t: F.cross_entropy(z * k - k**2 / 2, t), outputs) == []


def weighed(by):
    """Return the spec of a cross-entropy with `weighs_classes`; `by(costs of rows, targets, weights)` is its value."""

    def build(context):
        weights = torch.tensor(context.weights)
        return Computes(lambda z, t: by(F.cross_entropy(z, t, reduction="none"), t, weights))

    return LossSpec(name="x", summary="s", build=build, weighs_classes=True)


@pytest.mark.parametrize(
    ("by", "kept"),
    [
        (lambda costs, t, w: (w[t] * costs).mean(), True),
        (lambda costs, t, w: 3 * (w[t] * costs).sum(), True),
        (lambda costs, t, w: (w[t] * costs).sum() / w[t].sum(), False),
        (lambda costs, t, w: costs.mean(), False),
        (lambda costs, t, w: (w[t].sqrt() * costs).mean(), False),
        (lambda costs, t, w: (costs / w[t]).mean(), False),
    ],
    ids=["mean", "sum", "weighted mean", "swallowed", "square roots", "the wrong way round"],
)
def test_a_loss_that_weighs_classes_multiplies_its_rows_by_their_weights(by, kept):
    messages = [finding.text for finding in conformance.check_loss(weighed(by))]
    assert messages == ([] if kept else [messages[0]])
    assert kept or "class weights do not multiply its rows' gradients" in messages[0]


def test_a_loss_that_does_not_weigh_classes_never_gets_class_weights():
    contexts = []

    def build(context):
        contexts.append(context.class_weights)
        return Computes(F.cross_entropy)

    assert conformance.check_loss(LossSpec(name="x", summary="s", build=build)) == []
    assert contexts == [False]
