"""A loss: from logits and targets to a scalar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class LossContext:
    """What a loss is built for.

    `class_counts` are the training rows per class, in class order; `class_weights` says whether rare classes weigh
    more; `ordinal` whether the classes' order carries meaning; `options` are the loss's own.
    """

    class_counts: tuple[int, ...]
    class_weights: bool
    ordinal: bool = False
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss: `build(context)` returns a module, (logits N×K, targets N of int64) → scalar."""

    name: str
    summary: str
    build: Callable[[LossContext], nn.Module]
    options: type[Options] = NoOptions
