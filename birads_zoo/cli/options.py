"""The options that every command on a data set shares, and what they are to the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from birads_zoo.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = ("table", "columns", "patient_pattern", "unlisted", "merge_ids")
"""The flags that are options of a data set; one that it does not have is refused."""


def dataset_options(function: F) -> F:
    """Give a command the options that say which rows of which data set it works on.

    They arrive as the arguments `dataset`, `root`, `target`, `classes`, `table`, `columns`, `patient_pattern`,
    `unlisted` and `merge_ids`, each `None` or empty where the user gave none; `dataset_fields` turns them into what the
    API takes.
    """
    options = (
        click.option("--dataset", metavar="NAME", help="A registered data set."),
        click.option("--root", type=click.Path(), metavar="FOLDER", help="Where the data set lies."),
        click.option("--target", metavar="NAME", help="What is predicted. [default: the data set's first target]"),
        click.option("--class", "classes", multiple=True, metavar="NAME", help="A class to keep; may be repeated."),
        click.option("--table", metavar="FILE", help="A sheet or CSV file, relative to the root."),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="OURS=THEIRS",
            callback=_columns,
            help="The table's name for a canonical column, such as patient_id=Case, or several, such as "
            "image_path='{patient}/{image}.png'; may be repeated.",
        ),
        click.option(
            "--unlisted", is_flag=True, help="Take pictures that the table does not name, labelled by their folder."
        ),
        click.option(
            "--patient-pattern", metavar="REGEX", help="Its first group, in a picture's path, is the patient id."
        ),
        click.option(
            "--merge-ids",
            is_flag=True,
            help="Take patient ids that differ in case, hyphens, leading zeros or '.0' alone for one patient.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def tracker_option(function: F) -> F:
    """Give a command the options `--tracker`, repeatable, and `--no-tracker`; `trackers_field` reads them."""
    some = click.option(
        "--tracker",
        "trackers",
        multiple=True,
        metavar="NAME",
        help="A registered tracker that follows the run, such as tensorboard; may be repeated.",
    )
    none = click.option("--no-tracker", is_flag=True, help="No tracker, whichever the recipe names.")
    return some(none(function))


def trackers_field(given: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return `trackers` as the API takes it, from the flags' values."""
    if given["no_tracker"] and given["trackers"]:
        raise UserError("--no-tracker and --tracker contradict each other; leave one of them out")
    return () if given["no_tracker"] else given["trackers"] or None


def dataset_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `dataset`, `root`, `target` and `classes` as the API takes them, from the flags' values."""
    options = {name: given[name] for name in _OPTIONS if given[name]}
    named = {"name": given["dataset"]} if given["dataset"] else {}
    dataset = {**named, "options": options} if options else given["dataset"]
    return {"dataset": dataset, "root": given["root"], "target": given["target"], "classes": given["classes"] or None}


def read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Turn "512x416" into height and width in pixels: the callback of the option `--image-size`."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d+)x(\d+)", text)):
        raise UserError(f"--image-size {text!r}: expected HEIGHTxWIDTH in pixels, such as 512x416")
    return int(match[1]), int(match[2])


def _columns(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for value in values:
        ours, equals, theirs = value.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise UserError(f"--column {value!r}: expected OURS=THEIRS, such as patient_id=Case")
        columns[ours.strip()] = theirs.strip()
    return columns
