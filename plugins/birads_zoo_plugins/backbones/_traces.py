"""Traces a picture through a network: the shape of the result, the parts called, the parameters used."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call


@dataclass(frozen=True)
class Trace:
    """The shape of a network's result for one picture, its modules by their first call, and the used parameters."""

    shape: tuple[int, ...]
    calls: tuple[str, ...]
    used: frozenset[str]


NOTHING = Trace(shape=(), calls=(), used=frozenset())
"""The trace of a network that was not tried yet."""


def trace(network: nn.Module, channels: int, height: int, width: int, device: str) -> Trace:
    """Pass a picture through `network`, in evaluation mode, and back to its parameters.

    On torch's device "meta" only shapes and the graph of gradients are computed. The network itself is not moved or
    changed.
    """
    parameters = {name: value.detach().to(device).requires_grad_() for name, value in network.named_parameters()}
    buffers = {name: value.to(device) for name, value in network.named_buffers()}
    calls: dict[str, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: calls.setdefault(name))
        for name, module in network.named_modules()
    ]
    try:
        with torch.enable_grad():
            picture = torch.zeros(1, channels, height, width, device=device)
            result: Tensor = functional_call(network, parameters | buffers, (picture,))
            gradients = torch.autograd.grad(result.sum(), list(parameters.values()), allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    used = (name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None)
    return Trace(shape=tuple(result.shape), calls=tuple(calls), used=frozenset(used))


def leave_out_unused(network: nn.Module, traced: Trace) -> None:
    """Remove the parts of `network` that were not called in `traced`; other parameters without effect are frozen.

    A removed part becomes an identity, because code may still name it. The other parts keep their names.
    """
    busy = {name.rsplit(".", depth)[0] for name in traced.calls for depth in range(name.count(".") + 1)}
    busy |= {name.rsplit(".", depth)[0] for name in traced.used for depth in range(1, name.count(".") + 1)}
    for path, module in list(network.named_modules()):
        parent, _, name = path.rpartition(".")
        idle = path and path not in busy and (not parent or parent in busy)
        if idle and any(True for _ in module.parameters()):
            setattr(network.get_submodule(parent), name, nn.Identity())
    for name, parameter in network.named_parameters():
        if name not in traced.used:
            parameter.requires_grad_(False)
