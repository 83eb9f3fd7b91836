"""`birads_zoo.run`: trains and evaluates a backbone on a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from birads_zoo.api.fields import Part, RecipeFields, listed, recipe_changes
from birads_zoo.api.open_run import Run, read
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.errors import UserError
from birads_zoo.launch import launched
from birads_zoo.plugin.host import Host
from birads_zoo.printable import is_utf8, printable
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
    name: str | None = None,
    resume: Path | str | None = None,
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Run:
    """Train and evaluate a backbone on a data set, split by patient, and write everything to a new folder.

    Arguments that are not given are taken from the recipe. A part (`dataset`, `backbone`, `augmentation`, `loss` or
    `explainer`) is a registered name, or a table with its options such as {"name": "focal", "options": {"gamma": 1.5}}.

    Args:
        recipe: a registered recipe's name, a TOML file, or a recipe value; by default the recipe "default".
        dataset: the data set.
        root: the data set's folder.
        target: the target to predict; by default the data set's first target.
        classes: the classes to keep; by default all that have usable rows.
        backbone: the network up to the feature map, such as "resnet50" or "timm/convnext_atto".
        weights: a file with the backbone's weights, .safetensors or .pth.
        augmentation: the random changes to the training pictures.
        loss: the loss.
        explainer: the method that draws the heat maps.
        split: the unit that is held out: "patient", "breast", "image", "official" or "paper".
        folds: the number of folds; every picture is predicted once, out of fold.
        epochs: the number of training epochs.
        image_size: height and width in pixels.
        seed: the seed of everything random.
        trackers: programs that follow the run, such as "tensorboard"; none by default.
        ablations: names of ablations, such as "no-dropout".
        set: any other field of the recipe by its dotted name, such as {"training.learning_rate": 1e-4}.
        device: "auto", "cpu", "cuda" or "cuda:N".
        out: the folder in which the run's folder is made.
        name: the name of the run's folder; a stopped run of that name and recipe is continued. By default the name is
            made of the backbone and the ablations, with a number if there is such a folder.
        resume: the folder of a stopped run, which is continued with its own recipe; the trackers may be changed.
        plugins: plugin files to load in addition to the installed plugins and those that a registry.toml in the working
            directory names.
        progress: show progress on stderr.

    Raises:
        UserError: for any problem with the arguments, the data or a plugin that prevents the run.
        RunStoppedError: when a tracker stops the run; also a UserError.

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
    return train(open_host(plugins), recipe, changes, listed(ablations), device, out, name, resume, progress)


def train(
    opened: tuple[Registry, Host],
    recipe: str | Path | Recipe | None,
    changes: Mapping[str, Any],
    ablations: Sequence[str],
    device: str,
    out: Path | str,
    name: str | None,
    resume: Path | str | None,
    progress: bool,
) -> Run:
    """Do the same as `run`, with plugins that are already loaded and dotted `changes` to the recipe."""
    registry, host = opened
    resumed = None if resume is None else Path(resume)
    if resumed is not None and name is not None:
        raise UserError("--resume goes on in the run's own folder; leave out --name")
    if resumed is None:
        composed = compose("default" if recipe is None else recipe, changes, ablations, registry, host)
        resumed = _stopped(Path(out), name, composed, host) if name else None
    else:
        composed = _own_recipe(resumed, recipe, changes, ablations, host)
    from birads_zoo.files import check_folder
    from birads_zoo.pipeline import run as run_pipeline

    if resumed is None:
        check_folder(Path(out))

    outcome = run_pipeline(
        composed, host, Path(out), device, open_screen(progress and launched().leads), resumed, name or ""
    )
    return read(outcome.folder, registry, host)


def _stopped(out: Path, name: str, recipe: Recipe, host: Host) -> Path | None:
    """Return the folder of the stopped run of this name and recipe; `None` if no run has the name."""
    from birads_zoo.runs.completion import is_whole
    from birads_zoo.runs.resumable import check_same_recipe

    if name != Path(name).name or name.startswith("."):
        raise UserError(f"{name!r} cannot be the name of a folder: leave out '/', and choose the place with --out")
    if not is_utf8(name):
        raise UserError(f"{printable(name)} cannot be the name of a run: it is not UTF-8; choose another one")
    folder = out / name
    if not folder.exists():
        return None
    check_same_recipe(folder, recipe, host)
    if is_whole(folder):
        raise UserError(f"{folder} is finished; choose another name")
    return folder


def _own_recipe(
    folder: Path, recipe: str | Path | Recipe | None, changes: Mapping[str, Any], ablations: Sequence[str], host: Host
) -> Recipe:
    """Return the recipe of a stopped run; only its trackers may be changed."""
    tracking = {key: value for key, value in changes.items() if key.partition(".")[0] == "tracking"}
    others = ["the recipe"] * (recipe is not None) + sorted(changes.keys() - tracking)
    if given := ", ".join([*others, *(f"--{name}" for name in ablations)]):
        raise UserError(f"--resume continues with the run's own recipe; leave out what would change it: {given}")
    from birads_zoo.runs.folder import read_recipe

    return retrack(read_recipe(folder), tracking, host)
