"""Converts the keywords of the API and the command line to fields of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.recipe.layers import PARTS, flat

T = TypeVar("T")

Part = str | Mapping[str, Any]
"""A registered part: its name, or a table such as {"name": "focal", "options": {"gamma": 1.5}}."""

_FIELD_OF_KEYWORD = {
    "root": "dataset.root",
    "target": "dataset.target",
    "classes": "dataset.classes",
    "weights": "model.weights",
    "split": "split.scheme",
    "folds": "split.folds",
    "epochs": "training.epochs",
    "seed": "seed",
    "trackers": "tracking.trackers",
}
_SECTION_OF_KEYWORD = {"backbone": "model", **{section: section for section in PARTS if section != "model"}}
_KEYWORDS = (*_SECTION_OF_KEYWORD, *_FIELD_OF_KEYWORD, "image_size", "set")


class StudyFields(TypedDict, total=False):
    """Fields of a recipe that have a keyword, as `birads_zoo.run` describes; `None` leaves a field unchanged."""

    dataset: Part | None
    root: Path | str | None
    target: str | None
    classes: Sequence[str] | None
    augmentation: Part | None
    loss: Part | None
    explainer: Part | None
    split: str | None
    folds: int | None
    epochs: int | None
    image_size: tuple[int, int] | None
    seed: int | None
    trackers: Sequence[str] | None
    set: Mapping[str, Any] | None


class RecipeFields(StudyFields, total=False):
    """The keywords of a study, and those that a study sets for all its backbones together."""

    backbone: Part | None
    weights: Path | str | None


def recipe_changes(fields: RecipeFields | StudyFields) -> dict[str, Any]:
    """Return the dotted fields of a recipe that `fields` set; fields under `set` come last and win.

    Raises:
        UserError: for an unknown keyword, an image size that is not a pair, and a `set` that is not a table.

    """
    changes: dict[str, Any] = {}
    given: Mapping[str, Any] = {**fields}
    for keyword, value in given.items():
        if keyword not in _KEYWORDS:
            raise unknown_name("keyword", keyword, _KEYWORDS)
        if value is None or keyword == "set":
            continue
        if keyword in _SECTION_OF_KEYWORD:
            changes |= _part(_SECTION_OF_KEYWORD[keyword], value)
        elif keyword == "image_size":
            changes |= _size(value)
        else:
            changes[_FIELD_OF_KEYWORD[keyword]] = listed(value) if keyword in ("classes", "trackers") else value
    settings = given.get("set") or {}
    if not isinstance(settings, Mapping):
        raise UserError(f"set={settings!r}: give a table of fields, such as {{'training.epochs': 5}}")
    return {key: _plain(value) for key, value in (changes | flat(settings)).items()}


def listed(names: Sequence[T]) -> tuple[T, ...]:
    """Return names or files as a tuple; a single name or file need not be in a list."""
    single: Any = names  # of type Any, because to the type checker a string is also a sequence of strings
    return (single,) if isinstance(names, str | Path) else tuple(names)


def _part(section: str, value: Any) -> dict[str, Any]:
    """Return the dotted fields that a part sets: its name, its options, and other fields of its section."""
    name_field, _ = PARTS[section]
    if not isinstance(value, Mapping):
        return {f"{section}.{name_field}": value}
    return flat({section: {name_field if key == "name" else key: inner for key, inner in value.items()}})


def _size(value: Any) -> dict[str, Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise UserError(f"image_size={value!r}: give height and width in pixels, such as (512, 416)")
    return {"image.height": value[0], "image.width": value[1]}


def _plain(value: Any) -> Any:
    """Return `value` as a type that a recipe can hold: text for a path, a list for a tuple."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
