"""Freezes parts of a backbone: their parameters get no gradient and their batch norms keep their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

Freeze = Literal["none", "early", "all"]


def frozen_parts(backbone: nn.Module, freeze: Freeze, stages: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the submodules and parameters of `backbone` that `freeze` freezes; "" is the whole backbone.

    "early" is the first half of `stages`, rounded down, but at least one. Stages are dotted names of modules, and of
    parameters outside them, from input to output; without stages these are the backbone's children in their order.

    Raises:
        ValueError: if a stage is not part of the backbone, or there is nothing to freeze for "early".

    """
    if freeze == "none":
        return ()
    if freeze == "all":
        return ("",)
    names = tuple(stages) or tuple(name for name, _ in backbone.named_children())
    known = dict(backbone.named_modules()).keys() | dict(backbone.named_parameters()).keys()
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"its stages name {unknown[0]!r}, which the module does not have")
    if not names:
        raise ValueError("it has no stages, so none of them can be frozen as early ones; freeze none or all of it")
    return names[: max(1, len(names) // 2)]


def freeze_parts(backbone: nn.Module, parts: Sequence[str]) -> None:
    """Exclude the named parts from training: no gradients, and evaluation mode (running statistics, no dropout)."""
    parameters = dict(backbone.named_parameters())
    for name in parts:
        if name in parameters:
            parameters[name].requires_grad_(False)
        else:
            backbone.get_submodule(name).requires_grad_(False).eval()
