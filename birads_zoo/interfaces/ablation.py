"""Defines the interface of an ablation: a change to a recipe or to a built classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from birads_zoo.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from birads_zoo.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class AblationSpec:
    """An ablation: a change to the recipe, to the built classifier, or to both. Its name is its flag.

    `recipe` returns a changed copy; `model` changes the classifier's modules and returns it. An ablation that changes
    nothing is an error: with `model` it must change the classifier, without it the recipe. Two ablations that set the
    same field are an error too. Changes to the classifier must commute; they are made in the order of the names.
    """

    name: str
    summary: str
    recipe: Callable[[Recipe], Recipe] | None = None
    model: Callable[[nn.Module], nn.Module] | None = None

    def __post_init__(self) -> None:
        if self.recipe is None and self.model is None:
            raise UserError(f"ablation {self.name!r} changes neither the recipe nor the model: give one of them")
