"""`birads_zoo.run`: train and evaluate a backbone on a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from birads_zoo.api.fields import Part, RecipeFields, listed, recipe_changes
from birads_zoo.api.open_run import Run, read
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.errors import UserError
from birads_zoo.plugin.host import Host
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.compose import compose, retrack
from birads_zoo.recipes.registry import Registry


def run(
    recipe: str | Path | Recipe | None = None,
    *,
    dataset: Part | None = None,
    root: Path | str | None = None,
    target: str | None = None,
    classes: Sequence[str] | None = None,
    backbone: Part | None = None,
    weights: Path | str | None = None,
    augmentation: Part | None = None,
    loss: Part | None = None,
    explainer: Part | None = None,
    split: str | None = None,
    folds: int | None = None,
    epochs: int | None = None,
    image_size: tuple[int, int] | None = None,
    seed: int | None = None,
    trackers: Sequence[str] | None = None,
    ablations: Sequence[str] = (),
    set: Mapping[str, Any] | None = None,
    device: str = "auto",
    out: Path | str = "runs",
    resume: Path | str | None = None,
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Run:
    """Train and evaluate a backbone on a data set, patient by patient, and leave it all in a new folder.

    Where nothing is given, the recipe decides. A part (`dataset`, `backbone`, `augmentation`, `loss`, `explainer`) is a
    registered name, or a table with its options, such as {"name": "focal", "options": {"gamma": 1.5}}.

    Args:
        recipe: a registered recipe's name, a TOML file, or a recipe value; by default the recipe "default".
        dataset: the data set.
        root: the folder in which the data set lies.
        target: what is predicted; by default the data set's first target.
        classes: the classes to keep; by default all that have usable rows.
        backbone: the network up to the feature map, such as "resnet50" or "timm/convnext_atto".
        weights: a file with the backbone's weights, .safetensors or .pth.
        augmentation: what changes the training pictures.
        loss: the loss.
        explainer: what draws the heat maps.
        split: what is held out together: "patient", "breast", "image", "official" or "paper".
        folds: how many; every picture is predicted once, out of fold.
        epochs: of training.
        image_size: height and width in pixels.
        seed: of everything random.
        trackers: what follows the run, such as "tensorboard"; none unless named.
        ablations: names of ablations, such as "no-dropout".
        set: any other field of the recipe by its dotted name, such as {"training.learning_rate": 1e-4}.
        device: "auto", "cpu", "cuda" or "cuda:N".
        out: the folder in which run folders lie.
        resume: the folder of a stopped run, to go on with it by its own recipe; its trackers may be others.
        plugins: plugin files to load besides the installed ones and those that a registry.toml in the working directory
            names.
        progress: show progress on stderr.

    Raises:
        UserError: for anything in the arguments, the data or a plugin that keeps it from running.
        RunStoppedError: when a tracker asked the run to stop; a UserError too.

    """
    fields: RecipeFields = {
        "dataset": dataset,
        "root": root,
        "target": target,
        "classes": classes,
        "backbone": backbone,
        "weights": weights,
        "augmentation": augmentation,
        "loss": loss,
        "explainer": explainer,
        "split": split,
        "folds": folds,
        "epochs": epochs,
        "image_size": image_size,
        "seed": seed,
        "trackers": trackers,
        "set": set,
    }
    changes = recipe_changes(fields)
    return train(open_host(plugins), recipe, changes, listed(ablations), device, out, resume, progress)


def train(
    opened: tuple[Registry, Host],
    recipe: str | Path | Recipe | None,
    changes: Mapping[str, Any],
    ablations: Sequence[str],
    device: str,
    out: Path | str,
    resume: Path | str | None,
    progress: bool,
) -> Run:
    """Do what `run` does with plugins that are loaded already and dotted `changes` to the recipe."""
    registry, host = opened
    if resume is None:
        composed = compose("default" if recipe is None else recipe, changes, ablations, registry, host)
    else:
        composed = _own_recipe(Path(resume), recipe, changes, ablations, host)
    from birads_zoo.pipeline import run as carry_out

    resumed = None if resume is None else Path(resume)
    outcome = carry_out(composed, host, Path(out), device, open_screen(progress), resumed)
    return read(outcome.folder, registry, host)


def _own_recipe(
    folder: Path, recipe: str | Path | Recipe | None, changes: Mapping[str, Any], ablations: Sequence[str], host: Host
) -> Recipe:
    """Return the recipe of a stopped run; what follows it, and nothing else, may be changed."""
    tracking = {key: value for key, value in changes.items() if key.partition(".")[0] == "tracking"}
    others = ["the recipe"] * (recipe is not None) + sorted(changes.keys() - tracking)
    if given := ", ".join([*others, *(f"--{name}" for name in ablations)]):
        raise UserError(f"--resume goes on with the run's own recipe; leave out what would change it: {given}")
    from birads_zoo.runs.folder import read_recipe

    return retrack(read_recipe(folder), tracking, host)
