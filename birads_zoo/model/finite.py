"""Refuses weights that hold infinite or NaN values, and names the file and the tensor."""

from __future__ import annotations

from collections.abc import Mapping

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


def _not_finite(tensor: Tensor) -> int:
    return int((~tensor.isfinite()).sum())
