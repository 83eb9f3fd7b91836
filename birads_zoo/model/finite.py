"""Refuses weights that cannot be computed with, and names the file and the tensor."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from birads_zoo.errors import UserError


def check_finite(weights: Mapping[str, Tensor], file: str, remedy: str) -> None:
    """Check that all weights are numbers; `file` is what an error calls the file that they are from.

    Raises:
        UserError: if a value is infinite or NaN. The message names the first such tensor and how many of its values
            are, and ends with `remedy`, which says what to do.

    """
    bad = {name: count for name, tensor in weights.items() if (count := _not_finite(tensor))}
    if not bad:
        return
    name, count = next(iter(bad.items()))
    others = f" (and {sum(bad.values()) - count} in other tensors)" if len(bad) > 1 else ""
    raise UserError(
        f"{file} holds infinite or NaN values, {count} of {weights[name].numel()} in {name!r}{others}; {remedy}"
    )


def check_kinds(weights: Mapping[str, Tensor], file: str) -> None:
    """Check that all weights are tensors of a kind that networks compute with.

    Raises:
        UserError: if a tensor is sparse, quantised or of complex numbers.

    """
    for name, tensor in weights.items():
        if tensor.is_complex():
            raise UserError(f"{file} has complex numbers in {name!r}; give weights of real numbers")
        if tensor.layout is not torch.strided or tensor.is_quantized:
            kind = "quantised" if tensor.is_quantized else "sparse"
            raise UserError(f"{file} has a {kind} tensor, {name!r}; save it as a dense one of floating-point numbers")


def check_variances(weights: Mapping[str, Tensor], file: str, remedy: str) -> None:
    """Check that no batch norm has a negative variance, of which the square root would be NaN.

    Raises:
        UserError: if one has. The message ends with `remedy`, which says what to do.

    """
    for name, tensor in weights.items():
        if name.split(".")[-1] == "running_var" and (negative := int((tensor < 0).sum())):
            raise UserError(
                f"{file} has negative variances, {negative} of {tensor.numel()} values in {name!r}; {remedy}"
            )


def _not_finite(tensor: Tensor) -> int:
    if tensor.is_floating_point() and tensor.element_size() == 1:
        tensor = tensor.float()  # `isfinite` lacks some types of 8 bits
    return int((~tensor.isfinite()).sum())
