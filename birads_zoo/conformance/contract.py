"""What the checks share: the error of a broken contract, and calls whose results must have the right type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class BrokenContractError(Exception):
    """Ends a check at its first error."""


def require(holds: bool, otherwise: str) -> None:
    """Raise `BrokenContractError` with the sentence `otherwise` unless the condition holds."""
    if not holds:
        raise BrokenContractError(otherwise)


def built(build: Callable[[Any], nn.Module], context: object) -> nn.Module:
    """Return `build(context)`, which has to be a module."""
    module: object = build(context)
    require(isinstance(module, nn.Module), f"`build` returned a value of type {type(module).__name__}, not a module")
    assert isinstance(module, nn.Module)
    return module


def called(module: nn.Module, *inputs: Tensor) -> Tensor:
    """Return `module(*inputs)`, which has to be a tensor."""
    result: object = module(*inputs)
    require(isinstance(result, Tensor), f"the module returned a value of type {type(result).__name__}, not a tensor")
    assert isinstance(result, Tensor)
    return result


def shape(tensor: Tensor) -> str:
    """Return a tensor's shape as text: "2×3×64×64", or "()" for a scalar."""
    return "×".join(map(str, tensor.shape)) or "()"
