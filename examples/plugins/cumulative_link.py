"""A cumulative link model: one slope for all classes in order, and learnt thresholds between them."""

from birads_zoo import LossSpec, Outputs, UserError, hookimpl

PLUGIN_API = 1


def scores(logits):  # N×(K−1) → log p(y = k), N×K; the log-odds of y > k fall with k by at least 0.001
    import torch
    from torch.nn.functional import logsigmoid, softplus

    first = logits[:, :1]
    beyond = torch.cat([first, first - (softplus(logits[:, 1:] - first) + 1e-3).cumsum(1)], 1)
    gaps = beyond[:, :-1] - beyond[:, 1:]
    between = logsigmoid(beyond[:, :-1]) + logsigmoid(-beyond[:, 1:]) + (-torch.expm1(-gaps)).log()
    return torch.cat([logsigmoid(-first), between, logsigmoid(beyond[:, -1:])], 1)


def build(context):
    import torch

    if not context.ordinal:
        raise UserError("the loss 'cumulative-link' needs classes in order; choose an ordinal target")

    class CumulativeLink(torch.nn.Module):
        def forward(self, logits, targets):
            return -(self.weights[targets] * scores(logits.float()).gather(1, targets[:, None])[:, 0]).mean()

    loss = CumulativeLink()
    loss.register_buffer("weights", torch.tensor(context.weights))  # a buffer moves to the device with the module
    return loss


def outputs(context):
    rule = "p(y > k) = σ(s + b_k), with b_k falling from class to class"
    return Outputs(logits=context.classes - 1, scores=scores, rule=rule, shared_weights=True)


@hookimpl
def birads_zoo_losses():
    own = {"build": build, "outputs": outputs, "weighs_classes": True}
    return [LossSpec(name="cumulative-link", summary="Proportional odds (McCullagh)", **own)]
