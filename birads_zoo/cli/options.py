"""Options that all commands on data sets share, and their conversion to arguments of the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from birads_zoo.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


class PathType(click.Path):
    """A path as an argument or option. An empty one is refused, because "" would be the working directory."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return `value` as a `Path`."""
        if value == "":
            self.fail("the path is empty; is a variable of the shell not set?", parameter, context)
        return super().convert(value, parameter, context)


PATH = PathType()
_OPTIONS = ("table", "columns", "patient_pattern", "unlisted", "merge_ids")
"""The flags that set options of a data set; an option that the data set does not have is an error."""


def dataset_options(function: F) -> F:
    """Add the options that choose a data set and its rows to a command.

    The command gets the arguments `dataset`, `root`, `target`, `classes`, `table`, `columns`, `patient_pattern`,
    `unlisted` and `merge_ids`, each `None` or empty where the user gave no value. `dataset_fields` converts them to
    arguments of the API.
    """
    options = (
        click.option("--dataset", metavar="NAME", help="A registered data set."),
        click.option("--root", type=PATH, metavar="FOLDER", help="The data set's folder."),
        click.option("--target", metavar="NAME", help="The target to predict. [default: the data set's first target]"),
        click.option("--class", "classes", multiple=True, metavar="NAME", help="A class to keep; may be repeated."),
        click.option("--table", metavar="FILE", help="A sheet or CSV file, relative to the root."),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="COLUMN=NAME",
            callback=_columns,
            help="The table's name for a canonical column, such as patient_id=Case; or several names, such as "
            "image_path='{patient}/{image}.png'; may be repeated.",
        ),
        click.option(
            "--unlisted", is_flag=True, help="Also use pictures that the table does not name, labelled by folder."
        ),
        click.option(
            "--patient-pattern",
            metavar="REGEX",
            help="Its first group, found in a picture's path, is the patient id.",
        ),
        click.option(
            "--merge-ids",
            is_flag=True,
            help="Treat patient ids that differ only in case, hyphens, leading zeros or '.0' as one patient.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def tracker_option(function: F) -> F:
    """Add the options `--tracker`, repeatable, and `--no-tracker` to a command; `trackers_field` reads them."""
    with_trackers = click.option(
        "--tracker",
        "trackers",
        multiple=True,
        metavar="NAME",
        help="A registered tracker that follows the run, such as tensorboard; may be repeated.",
    )
    without = click.option("--no-tracker", is_flag=True, help="Use no tracker, even if the recipe names some.")
    return with_trackers(without(function))


def trackers_field(given: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the API's argument `trackers` from the flags' values."""
    if given["no_tracker"] and given["trackers"]:
        raise UserError("--no-tracker and --tracker contradict each other; leave one of them out")
    return () if given["no_tracker"] else given["trackers"] or None


def dataset_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's arguments `dataset`, `root`, `target` and `classes` from the flags' values."""
    options = {name: given[name] for name in _OPTIONS if given[name]}
    named = {"name": given["dataset"]} if given["dataset"] else {}
    dataset = {**named, "options": options} if options else given["dataset"]
    return {"dataset": dataset, "root": given["root"], "target": given["target"], "classes": given["classes"] or None}


def read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Convert "512x416" to height and width in pixels: the callback of the option `--image-size`."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d+)x(\d+)", text)):
        raise UserError(f"--image-size {text!r}: expected HEIGHTxWIDTH in pixels, such as 512x416")
    return int(match[1]), int(match[2])


def _columns(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for value in values:
        canonical, equals, source = value.partition("=")
        if not equals or not canonical.strip() or not source.strip():
            raise UserError(f"--column {value!r}: expected COLUMN=NAME, such as patient_id=Case")
        columns[canonical.strip()] = source.strip()
    return columns


def plugin_option(function: F) -> F:
    """Add the option `--plugin FILE`, repeatable, to a command, as its argument `plugin_files`."""
    option = click.option(
        "--plugin",
        "plugin_files",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="Also load this plugin file; may be repeated.",
    )
    return option(function)
