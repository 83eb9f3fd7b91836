"""A recipe from its parts: the catalogue's table, the command line's changes, and what the plugins settle."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe, from_dict, set_dotted

if TYPE_CHECKING:
    from birads_zoo.host import Host
    from birads_zoo.registry import Registry


def compose(
    name_or_file: str, changes: Mapping[str, Any], ablations: Sequence[str], registry: Registry, host: Host
) -> Recipe:
    """Return the recipe `name_or_file` with dotted `changes` laid on it, its plugins' names checked.

    `ablations` are named in addition to those that the recipe has. Paths become absolute, so that the recipe means
    the same from any working directory.

    Raises:
        UserError: for an unknown recipe, field, plugin, or a value of the wrong type.

    """
    values = registry.recipe(name_or_file, changes.get("model.backbone"))
    for key, value in changes.items():
        set_dotted(values, key, value)
    recipe = from_dict(values, f"recipe {name_or_file}")
    recipe = recipe.replace({"ablations": [*recipe.ablations, *ablations]})
    dataset = host.dataset(recipe.dataset.name)
    host.backbone(recipe.model.backbone)
    host.augmentation(recipe.augmentation)
    host.loss(recipe.loss.name)
    host.explainer(recipe.explainer)
    for ablation in recipe.ablations:
        host.ablation(ablation)
    settled: dict[str, Any] = {"dataset.name": dataset.name}  # an alias means the data set it stands for
    for key, path in (("dataset.root", recipe.dataset.root), ("model.weights", recipe.model.weights)):
        if path:
            settled[key] = str(Path(path).expanduser().absolute())
    return recipe.replace(settled)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Turn `training.epochs=5` into {"training.epochs": 5}: a value is read as TOML, and as plain text failing that."""
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {setting!r}: expected KEY=VALUE, such as training.epochs=5")
        try:
            value = tomllib.loads(f"value = {text.strip()}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        changes[key.strip()] = value
    return changes
