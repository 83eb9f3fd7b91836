"""The recipe: a frozen value of everything that shapes a result, except the machine, and of the run's trackers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from birads_zoo.files.digests import digest_of_values
from birads_zoo.recipe.checking import checked
from birads_zoo.recipe.layers import lay, leaves
from birads_zoo.recipe.sections import (
    AugmentationSection,
    DatasetSection,
    EvaluationSection,
    ExplainerSection,
    ImageSection,
    LossSection,
    ModelSection,
    Section,
    Seed,
    SplitSection,
    TrackingSection,
    TrainingSection,
)

__all__ = [
    "AugmentationSection",
    "DatasetSection",
    "EvaluationSection",
    "ExplainerSection",
    "ImageSection",
    "LossSection",
    "ModelSection",
    "Recipe",
    "SplitSection",
    "TrackingSection",
    "TrainingSection",
    "changed_fields",
    "from_dict",
    "recipe_digest",
    "shaping",
    "shareable",
    "to_dict",
]


class Recipe(Section, frozen=True, kw_only=True):
    """Everything that shapes a result, and the run's trackers.

    `ablations` are named here and applied by `recipes.ablations`. `tracking` shapes no result. It is part of the recipe
    so that it is written, overridden, set and checked like any other section. `shaping` leaves it out where recipes are
    compared or shown to others.
    """

    dataset: DatasetSection = DatasetSection()
    split: SplitSection = SplitSection()
    image: ImageSection = ImageSection()
    augmentation: AugmentationSection = AugmentationSection()
    loss: LossSection = LossSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    evaluation: EvaluationSection = EvaluationSection()
    explainer: ExplainerSection = ExplainerSection()
    tracking: TrackingSection = TrackingSection()
    seed: Seed = 0
    ablations: tuple[str, ...] = ()

    def replace(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with dotted fields changed: `recipe.replace({"model.dropout": 0.0})`.

        A table sets the fields that it names, and an empty table unsets all. A change to another part, such as another
        loss, removes the options of the old part. Raises `UserError` for an unknown field or a value of the wrong type.
        """
        return from_dict(lay(to_dict(self), changes), "recipe")

    @property
    def run_id(self) -> str:
        """The backbone and the ablations, as `resnet50+no-dropout` or `timm/resnet50`."""
        return "+".join((self.model.backbone, *sorted(self.ablations)))


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as nested dicts, lists and scalars, as in TOML."""
    values = msgspec.to_builtins(recipe)
    assert isinstance(values, dict)
    return values


def shaping(recipe: Recipe) -> dict[str, Any]:
    """Return what shapes a result, in the form of `to_dict`: everything except `tracking`."""
    return {key: value for key, value in to_dict(recipe).items() if key != "tracking"}


def recipe_digest(recipe: Recipe) -> str:
    """Return a digest of what shapes a result."""
    return digest_of_values(shaping(recipe))


def shareable(recipe: Recipe) -> Recipe:
    """Return the recipe without the fields that may name the user's files and patients, and without its tracking."""
    return recipe.replace({"dataset.root": "", "dataset.options": {}, "model.weights": "", "tracking": {}})


def from_dict(values: Mapping[str, Any], source: str) -> Recipe:
    """Check `values`, in tables or by dotted names, and return them as a recipe; `source` names them in errors.

    A part without options can be written as only its name: `augmentation = "none"`.
    """
    return checked(lay({}, values), Recipe, source)


def changed_fields(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return the new values of the dotted fields of `shaping`, options too, in which `after` differs from `before`."""
    old = leaves(shaping(before))
    return {key: value for key, value in leaves(shaping(after)).items() if old.get(key, msgspec.UNSET) != value}
