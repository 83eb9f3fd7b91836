"""A loss for ordered classes: one logit makes a binomial over them, which has one peak (Beckham & Pal 2017)."""

from math import comb, log
from typing import Annotated

from msgspec import Meta

from birads_zoo import LossSpec, Options, Outputs, hookimpl


class Peak(Options, frozen=True, kw_only=True):
    sharpness: Annotated[bool, Meta(description="a second logit says how sharp the peak is")] = False


def scores(logits, top):  # N×1 or N×2 → N×K: log C(K−1, k) + k log p + (K−1−k) log(1 − p), with p = σ(z)
    from torch.nn.functional import logsigmoid, softplus

    ranks, ways = logits.new_tensor([[k, log(comb(top, k))] for k in range(top + 1)]).T
    power = softplus(logits[:, 1:]) + 0.1 if logits.shape[1] > 1 else 1
    return power * (ways + ranks * logsigmoid(logits[:, :1]) + (top - ranks) * logsigmoid(-logits[:, :1]))


def build(context):
    from torch import nn, tensor

    class Binomial(nn.CrossEntropyLoss):  # which holds the weights; its own mean would divide by their sum
        def forward(self, logits, targets):
            return super().forward(scores(logits.float(), len(context.class_counts) - 1), targets) / len(targets)

    return Binomial(tensor(context.weights), reduction="sum")


def outputs(context):
    rule = "C(K−1, k) σ(z)^k (1 − σ(z))^(K−1−k)" + ", to a learnt power, to sum 1" * context.options.sharpness
    return Outputs(logits=1 + context.options.sharpness, scores=lambda z: scores(z, context.classes - 1), rule=rule)


@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="binomial", summary=__doc__, build=build, outputs=outputs, options=Peak, weighs_classes=True)]
