"""One sigmoid for each class, for pictures with several findings; the probabilities are made to sum to 1."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import LossSpec, Options, Outputs, hookimpl

PLUGIN_API = 1


class MultiLabelOptions(Options, frozen=True, kw_only=True):
    only_one: Annotated[bool, Meta(description="probabilities given that exactly one class is present")] = False


def build(context):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

    class MultiLabel(torch.nn.Module):
        def forward(self, logits, targets):
            there = one_hot(targets, logits.shape[1]).to(torch.float32)
            costs = binary_cross_entropy_with_logits(logits.float(), there, reduction="none").mean(1)
            return (self.weights[targets] * costs).mean()

    loss = MultiLabel()
    loss.register_buffer("weights", torch.tensor(context.weights))  # a buffer moves to the device with the module
    return loss


def outputs(context):
    from torch.nn.functional import logsigmoid

    if context.options.only_one:  # p ∝ σ(z_k) Π_{j≠k} (1 − σ(z_j)) ∝ σ(z_k) / (1 − σ(z_k)) = exp(z_k)
        return Outputs(logits=context.classes, scores=lambda logits: logits, rule="σ(z_k) / (1 − σ(z_k)), to sum 1")
    return Outputs(logits=context.classes, scores=logsigmoid, rule="σ(z_k), divided by their sum")


@hookimpl
def birads_zoo_losses():
    own = {"build": build, "outputs": outputs, "weighs_classes": True, "options": MultiLabelOptions}
    return [LossSpec(name="multi-label", summary="Independent sigmoids, normalised", **own)]
