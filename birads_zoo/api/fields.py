"""The words that the API and the command line have for fields of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.recipe.layers import PARTS, flat

T = TypeVar("T")

Part = str | Mapping[str, Any]
"""A registered part: its name, or a table such as {"name": "focal", "options": {"gamma": 1.5}}."""

_FIELDS = {
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
_SECTIONS = {"backbone": "model", **{section: section for section in PARTS if section != "model"}}


_WORDS = (*_SECTIONS, *_FIELDS, "image_size", "set")


class StudyFields(TypedDict, total=False):
    """Fields of a recipe that have a word of their own, as `birads_zoo.run` describes; `None` leaves one as it is."""

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
    """And those that a study has for all its backbones together."""

    backbone: Part | None
    weights: Path | str | None


def recipe_changes(fields: RecipeFields | StudyFields) -> dict[str, Any]:
    """Return the dotted fields of a recipe that `fields` set; those under `set` come last and win.

    Raises:
        UserError: for a word that is none of them, an image size that is no pair, and a `set` that is no table.

    """
    changes: dict[str, Any] = {}
    given: Mapping[str, Any] = {**fields}
    for word, value in given.items():
        if word not in _WORDS:
            raise unknown_name("keyword", word, _WORDS)
        if value is None or word == "set":
            continue
        if word in _SECTIONS:
            changes |= _part(_SECTIONS[word], value)
        elif word == "image_size":
            changes |= _size(value)
        else:
            changes[_FIELDS[word]] = listed(value) if word in ("classes", "trackers") else value
    settings = given.get("set") or {}
    if not isinstance(settings, Mapping):
        raise UserError(f"set={settings!r}: give a table of fields, such as {{'training.epochs': 5}}")
    return {key: _plain(value) for key, value in (changes | flat(settings)).items()}


def listed(names: Sequence[T]) -> tuple[T, ...]:
    """Return several names or files as a tuple, also where only one was given and not in a list."""
    alone: Any = names  # typed as one more name here: a text is a sequence of texts to the type checker
    return (alone,) if isinstance(names, str | Path) else tuple(names)


def _part(section: str, value: Any) -> dict[str, Any]:
    """Return what a part sets: its name, each of its options by itself, and other fields of its section."""
    naming, _ = PARTS[section]
    if not isinstance(value, Mapping):
        return {f"{section}.{naming}": value}
    return flat({section: {naming if key == "name" else key: inner for key, inner in value.items()}})


def _size(value: Any) -> dict[str, Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise UserError(f"image_size={value!r}: give height and width in pixels, such as (512, 416)")
    return {"image.height": value[0], "image.width": value[1]}


def _plain(value: Any) -> Any:
    """Return what a recipe can hold: text for a path, a list for a tuple."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
