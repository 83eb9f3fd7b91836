"""Options that `compare`, `ablate` and `leakage` share, and their conversion to arguments of the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from birads_zoo.api.fields import StudyFields
from birads_zoo.cli.options import (
    PATH,
    dataset_fields,
    dataset_options,
    plugin_option,
    read_size,
    tracker_option,
    trackers_field,
)
from birads_zoo.errors import UserError
from birads_zoo.recipes.compose import parse_settings
from birads_zoo.results.scores import METRICS

F = TypeVar("F", bound=Callable[..., Any])


def study_options(out: str) -> Callable[[F], F]:
    """Return a decorator that adds the options of a study to a command; `out` is the study's default folder.

    The command gets the arguments of `dataset_options`, and `metric`, `seeds`, `folds`, `epochs`, `image_size`,
    `settings`, `weights`, `trackers`, `no_tracker`, `jobs`, `executor`, `address`, `slurm`, `device`, `out`, `as_json`
    and `plugin_files`.
    """
    options = (
        dataset_options,
        click.option("--metric", default=METRICS[0], show_default=True, help=", ".join(METRICS)),
        click.option(
            "--seeds", type=int, default=3, show_default=True, metavar="S", help="Runs of each model, one per seed."
        ),
        click.option("--folds", type=int, metavar="K", help="Folds; all rows are predicted once, out of fold."),
        click.option("--epochs", type=int, metavar="N", help="Training epochs."),
        click.option("--image-size", callback=read_size, metavar="HxW", help="Height and width in pixels."),
        click.option(
            "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any field of the recipe; may be repeated."
        ),
        click.option(
            "--weights",
            type=PATH,
            metavar="FOLDER",
            help="Holds weights as BACKBONE.safetensors or BACKBONE_….pth; a family's member is timm~resnet50.",
        ),
        tracker_option,
        click.option(
            "--jobs",
            default="1",
            show_default=True,
            callback=_count,
            metavar="N|auto",
            help="Runs to execute at once, each in a process of its own with its share of the cores.",
        ),
        click.option(
            "--executor",
            type=click.Choice(["local", "ray", "slurm"]),
            default="local",
            show_default=True,
            help="Where runs are executed: here, or on the machines of a Ray or SLURM cluster; extras [ray], [slurm].",
        ),
        click.option("--address", metavar="HOST:PORT", help="The Ray cluster's. [default: the one of this machine]"),
        click.option(
            "--slurm",
            multiple=True,
            callback=_slurm,
            metavar="KEY=VALUE,…",
            help="Options of sbatch for each run, such as partition=gpu,time=4:00:00; may be repeated.",
        ),
        click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N."),
        click.option(
            "--out",
            type=PATH,
            default=out,
            show_default=True,
            help="The study's folder; a study that is started again does only what is missing.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, and nothing else, on stdout."),
        plugin_option,
    )

    def add_options(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add_options


def split_option(function: F) -> F:
    """Add the option `--split` to a command."""
    schemes = click.Choice(["patient", "breast", "image", "official", "paper"])
    return click.option("--split", type=schemes, help="The unit that is held out.")(function)


def study_fields(given: Mapping[str, Any]) -> StudyFields:
    """Return the API's arguments for the recipe's fields that the shared options and `split_option` set."""
    fields: StudyFields = {
        **dataset_fields(given),  # type: ignore[typeddict-item]
        "split": given.get("split"),
        "folds": given["folds"],
        "epochs": given["epochs"],
        "image_size": given["image_size"],
        "trackers": trackers_field(given),
        "set": parse_settings(given["settings"]),
    }
    return fields


def executor_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's arguments about where runs are executed."""
    return {name: given[name] for name in ("executor", "address", "slurm")}


def _slurm(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Convert "partition=gpu,time=4:00:00" to names and values; a value may have commas, as in exclude=a,b."""
    options: dict[str, str] = {}
    for value in values:
        for option in re.split(r",(?=[\w-]+=)", value):
            name, equals, text = option.partition("=")
            if not equals or not name.strip() or not text.strip():
                raise UserError(f"--slurm {value}: expected KEY=VALUE, such as partition=gpu,time=4:00:00")
            options[name.strip()] = text.strip()
    return options


def _count(context: click.Context, parameter: click.Parameter, text: str) -> int | str:
    """Convert "2" to a number, and leave "auto"."""
    if text != "auto" and not text.isdecimal():
        raise UserError(f"--jobs {text}: give a number of runs, or auto")
    return text if text == "auto" else int(text)


def read_names(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Convert "a,b" to names: the callback of the option `--ablations`; `None` when it is not given."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())
