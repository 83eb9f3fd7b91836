"""How a trial says that a part breaks its contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class BrokenContractError(Exception):
    """Ends a check at the first error, after which nothing further can be tried."""


def require(holds: bool, otherwise: str) -> None:
    """Raise `BrokenContractError` with the sentence `otherwise` unless the condition holds."""
    if not holds:
        raise BrokenContractError(otherwise)


def built(build: Callable[[Any], nn.Module], context: object) -> nn.Module:
    """Return what `build` makes of a context, which has to be a module."""
    module: object = build(context)
    require(isinstance(module, nn.Module), f"`build` returned a value of type {type(module).__name__}, not a module")
    assert isinstance(module, nn.Module)
    return module


def called(module: nn.Module, *inputs: Tensor) -> Tensor:
    """Return what a module makes of its inputs, which has to be a tensor."""
    result: object = module(*inputs)
    require(isinstance(result, Tensor), f"the module returned a value of type {type(result).__name__}, not a tensor")
    assert isinstance(result, Tensor)
    return result


def shape(tensor: Tensor) -> str:
    """Return a tensor's shape as a person writes it: "2×3×64×64", "()" for a scalar."""
    return "×".join(map(str, tensor.shape)) or "()"
