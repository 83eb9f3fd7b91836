"""Says in one clause how weights differ from those of a network; PyTorch lists the names of all tensors."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def misfit(module: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Return how many tensors differ in name or shape and which is the first, or "" if all weights fit the module."""
    own = module.state_dict()
    names = [*own, *(name for name in weights if name not in own)]
    wrong = [name for name in names if name not in own or name not in weights or own[name].shape != weights[name].shape]
    if not wrong:
        return ""
    return (
        f"{len(wrong)} of {len(names)} tensors are missing, unknown or of another shape, the first of them {wrong[0]!r}"
    )
