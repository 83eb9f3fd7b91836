"""A loss for ordered classes: one logit makes a binomial over them, which has one peak (Beckham & Pal 2017)."""

from math import comb
from typing import Annotated

from msgspec import Meta

from birads_zoo import LossSpec, Options, Outputs, hookimpl


class BinomialOptions(Options, frozen=True, kw_only=True):
    sharpness: Annotated[bool, Meta(description="a second logit says how sharp the peak is")] = False


def scores(logits, top):  # N×1 or N×2 → N×K: log C(K−1, k) + k log p + (K−1−k) log(1 − p), with p = σ(z)
    from torch.nn.functional import logsigmoid, softplus

    ranks, ways = logits.new_tensor([[k, comb(top, k)] for k in range(top + 1)]).T
    found = ways.log() + ranks * logsigmoid(logits[:, :1]) + (top - ranks) * logsigmoid(-logits[:, :1])
    return found if logits.shape[1] == 1 else found * (softplus(logits[:, 1:]) + 0.1)


def build(context):
    from torch import nn, tensor

    class Binomial(nn.CrossEntropyLoss):  # which holds the weights
        def forward(self, logits, targets):
            return super().forward(scores(logits.float(), len(context.class_counts) - 1), targets)

    return Binomial(tensor([1 / max(n, 1) for n in context.class_counts]) if context.class_weights else None)


def outputs(context):
    rule = "C(K−1, k) σ(z)^k (1 − σ(z))^(K−1−k)" + ", to a learnt power, to sum 1" * context.options.sharpness
    return Outputs(logits=1 + context.options.sharpness, scores=lambda z: scores(z, context.classes - 1), rule=rule)


@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="binomial", summary="One peak", build=build, outputs=outputs, options=BinomialOptions)]
