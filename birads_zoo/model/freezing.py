"""What of a backbone is not trained: its parameters get no gradient and its batch norms keep their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

Freeze = Literal["none", "early", "all"]


def frozen_parts(backbone: nn.Module, freeze: Freeze, stages: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the submodules and parameters of `backbone` that `freeze` holds still; "" is the whole of it.

    "early" is the first half of `stages` (dotted names of modules and of parameters that lie in none of them, from
    input to output; none given: the children in their order), rounded down, but at least one.

    Raises:
        ValueError: when a stage is not part of the backbone, or "early" finds nothing to freeze.

    """
    if freeze == "none":
        return ()
    if freeze == "all":
        return ("",)
    names = tuple(stages) or tuple(name for name, _ in backbone.named_children())
    known = dict(backbone.named_modules()).keys() | dict(backbone.named_parameters()).keys()
    if strangers := [name for name in names if name not in known]:
        raise ValueError(f"its stages name {strangers[0]!r}, which the module does not have")
    if not names:
        raise ValueError("it has no stages to freeze early ones of; freeze none or all of it")
    return names[: max(1, len(names) // 2)]


def hold_still(backbone: nn.Module, parts: Sequence[str]) -> None:
    """Take the named parts out of training: no gradients, and evaluation mode (running statistics, no dropout)."""
    parameters = dict(backbone.named_parameters())
    for name in parts:
        if name in parameters:
            parameters[name].requires_grad_(False)
        else:
            backbone.get_submodule(name).requires_grad_(False).eval()
