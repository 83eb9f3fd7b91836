"""Composes a recipe from a table of the catalogue, the user's changes, and the plugins' defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from birads_zoo.errors import UserError
from birads_zoo.files.toml_text import parse_toml
from birads_zoo.plugin.sources import missing_modules
from birads_zoo.printable import is_utf8, printable
from birads_zoo.recipe import Recipe, TrackingSection, from_dict, to_dict
from birads_zoo.recipe.layers import PARTS, flat, lay

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipes.registry import Registry

ARGUMENTS = "arguments"
"""Where the changes to a recipe come from, in errors: keyword arguments, flags and `--set`."""


def compose(
    base: str | Path | Recipe, changes: Mapping[str, Any], ablations: Sequence[str], registry: Registry, host: Host
) -> Recipe:
    """Return the recipe `base`, a name, a TOML file or a value, with dotted `changes` made, and its plugins checked.

    `ablations` are added to those of the recipe. Options that are not set get their defaults, so that the recipe has
    all of them. Paths become absolute, so that the recipe means the same from any working directory.

    Raises:
        UserError: for an unknown recipe, field, plugin or option, or a value of the wrong type.

    """
    given = from_dict(changes, ARGUMENTS)  # checked alone, so that errors name the arguments as their source
    if isinstance(base, Recipe):
        values, source = to_dict(base), "recipe"
    else:
        values, source = registry.recipe(str(base), flat(changes).get("model.backbone")), f"recipe {base}"
    recipe = from_dict(lay(values, changes), source)
    recipe = recipe.replace({"ablations": [*recipe.ablations, *ablations]})
    for ablation in recipe.ablations:
        host.ablation(ablation)
    changed: dict[str, Any] = {"dataset.name": host.dataset(recipe.dataset.name).name}  # instead of an alias
    for section, (field, _) in PARTS.items():
        part = getattr(recipe, section)
        kind = "backbone" if section == "model" else section
        changed[f"{section}.options"] = msgspec.to_builtins(host.options(kind, getattr(part, field), part.options))
    check_class_weights(recipe, host)
    for key, path in (("dataset.root", recipe.dataset.root), ("model.weights", recipe.model.weights)):
        if not is_utf8(path):
            raise UserError(f"{key} {printable(path)} is not UTF-8, and a recipe cannot hold it; rename the folder")
        if path:
            changed[key] = str(Path(path).expanduser().absolute())
    return _with_trackers(recipe.replace(changed), given.tracking, host)


def check_class_weights(recipe: Recipe, host: Host) -> None:
    """Raise a `UserError` for class weights with a loss that cannot use them."""
    name = recipe.loss.name
    if recipe.loss.class_weights and not host.loss(name).weighs_classes:
        raise UserError(
            f"the loss {name!r} cannot weigh classes; set loss.class_weights=false, or choose a loss that can, such as "
            "cross-entropy"
        )


def retrack(recipe: Recipe, changes: Mapping[str, Any], host: Host) -> Recipe:
    """Return a run's recipe with dotted `changes` of its tracking; raises `UserError` as `compose` does."""
    return _with_trackers(recipe.replace(changes), from_dict(changes, ARGUMENTS).tracking, host)


def _with_trackers(recipe: Recipe, given: TrackingSection, host: Host) -> Recipe:
    """Check the recipe's trackers and those that `given` has options of, and return it with all of their options.

    Options of other trackers are dropped without a check: a tracker that is no longer used may no longer be installed.
    """
    names = recipe.tracking.trackers
    for name in names:
        spec = host.tracker(name)
        if names.count(name) > 1:
            raise UserError(f"tracker {name!r} is named twice; name it once")
        if missing := missing_modules(spec.requires):
            how = f"pip install '{spec.install or ' '.join(missing)}'"
            raise UserError(f"tracker {name!r} needs the package {missing[0]}: {how}")
    written = recipe.tracking.options
    checked = {name: host.options("tracker", name, written.get(name, {})) for name in (*given.options, *names)}
    options = {name: msgspec.to_builtins(values) for name, values in checked.items()}
    return msgspec.structs.replace(recipe, tracking=msgspec.structs.replace(recipe.tracking, options=options))


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Turn `training.epochs=5` into {"training.epochs": 5}: a value is read as TOML, or else as plain text."""
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {setting!r}: expected KEY=VALUE, such as training.epochs=5")
        try:
            values = parse_toml(f"value = {text.strip()}")
        except ValueError:
            values = {"value": text.strip()}
        if len(values) > 1:
            raise UserError(f"--set {setting!r}: it sets several fields; give --set once for each of them")
        changes[key.strip()] = values["value"]
    return changes
