"""What of a backbone is not trained: its parameters get no gradient and its batch norms keep their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

Freeze = Literal["none", "early", "all"]


def frozen_parts(backbone: nn.Module, freeze: Freeze, stages: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the submodules of `backbone` that `freeze` holds still; "" is the whole of it.

    "early" is the first half of `stages` (dotted names from input to output; none given: the children in their
    order), rounded down, but at least one.

    Raises:
        ValueError: when a stage is not part of the backbone, or "early" finds nothing to freeze.

    """
    if freeze == "none":
        return ()
    if freeze == "all":
        return ("",)
    names = tuple(stages) or tuple(name for name, _ in backbone.named_children())
    modules = dict(backbone.named_modules())
    if strangers := [name for name in names if name not in modules]:
        raise ValueError(f"its stages name {strangers[0]!r}, which the module does not have")
    if not names:
        raise ValueError("it has no stages to freeze early ones of; freeze none or all of it")
    return names[: max(1, len(names) // 2)]


def hold_still(backbone: nn.Module, parts: Sequence[str]) -> None:
    """Take the named parts out of training: no gradients, and evaluation mode (running statistics, no dropout)."""
    for name in parts:
        backbone.get_submodule(name).requires_grad_(False).eval()
