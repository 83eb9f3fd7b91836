"""Applies named ablations to a recipe, so that their order does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from birads_zoo.errors import NothingChangedError, UserError
from birads_zoo.recipe import Recipe, changed_fields

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


def effective(recipe: Recipe, host: Host) -> Recipe:
    """Return `recipe` as it takes effect: without pretraining where its backbone has no pretrained weights."""
    if not recipe.model.pretrained or host.backbone(recipe.model.backbone).weights:
        return recipe
    return recipe.replace({"model.pretrained": False})


def apply_ablations(recipe: Recipe, host: Host) -> Recipe:
    """Return `recipe` as it takes effect, with the changes of its named ablations.

    Each ablation is applied to the recipe without ablations, and the fields that it changes are collected, so that the
    result is the same in any order. Changes to the model are made when the classifier is built.

    Raises:
        UserError: for an unknown backbone or ablation, an ablation named twice, one that changes nothing here, or two
            that set the same field.

    """
    changes: dict[str, Any] = {}
    owner: dict[str, str] = {}
    if repeated := {name for name in recipe.ablations if recipe.ablations.count(name) > 1}:
        raise UserError(f"ablation {repeated.pop()!r} is named twice; name it once")
    for name in recipe.ablations:
        spec = host.ablation(name)
        if spec.recipe is None:
            continue
        with host.building("ablation", name):
            difference = changed_fields(effective(recipe, host), effective(spec.recipe(recipe), host))
        if not difference and spec.model is None:
            raise NothingChangedError(
                f"ablation {name!r} changes nothing: the recipe does not have what it removes; leave --{name} out"
            )
        for field, value in difference.items():
            if field in owner:
                raise UserError(f"ablations {owner[field]!r} and {name!r} both set {field}; use one of them")
            owner[field] = name
            changes[field] = value
    return effective(recipe.replace(changes), host)
