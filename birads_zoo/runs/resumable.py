"""Decides whether a run that is there already can go on under another start of the same command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe, changed_fields
from birads_zoo.recipes.ablations import effective
from birads_zoo.runs.folder import read_recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


def check_same_recipe(folder: Path, recipe: Recipe, host: Host) -> None:
    """Check that `folder`, which exists, is a run of this recipe; only the trackers may differ.

    Raises:
        UserError: if it is not a run, or one of another recipe.

    """
    if not (folder / "recipe.toml").exists():
        raise UserError(
            f"{folder} is not a run: it has no recipe.toml; move it away, or choose another place with --out"
        )
    try:
        before = read_recipe(folder)
    except UserError as error:
        raise UserError(f"{error} (choose another place with --out, or delete that run)") from None
    if changed := changed_fields(effective(before, host), effective(recipe, host)):
        fields = ", ".join(f"{key} = {value!r}" for key, value in changed.items())
        raise UserError(
            f"{folder} is a run with another recipe ({fields}): choose another place with --out, or delete that run"
        )
