"""The recipe: a frozen value that says everything that shapes a result, except the machine, and who follows the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from birads_zoo.recipe.checking import checked
from birads_zoo.recipe.layers import lay, leaves
from birads_zoo.recipe.sections import (
    AugmentationSection,
    Count,
    DatasetSection,
    EvaluationSection,
    ExplainerSection,
    ImageSection,
    LossSection,
    ModelSection,
    Section,
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
    "shaping",
    "shareable",
    "to_dict",
]


class Recipe(Section, frozen=True, kw_only=True):
    """Everything that shapes a result, and who follows the run.

    `ablations` are named here and applied by `recipes.ablations`. `tracking` is here although it shapes no result, so
    that it is written, laid over, set and checked like any other section; `shaping` leaves it out wherever recipes are
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
    seed: Count = 0
    ablations: tuple[str, ...] = ()

    def replace(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with dotted fields changed: `recipe.replace({"model.dropout": 0.0})`.

        A table sets the fields that it names, and an empty one unsets all. Where another part is named, such as another
        loss, the options of the old one go. Raises `UserError` for an unknown field or a value of the wrong type.
        """
        return from_dict(lay(to_dict(self), changes), "recipe")

    @property
    def run_id(self) -> str:
        """The backbone and the ablations, as `resnet50+no-dropout` or `timm/resnet50`."""
        return "+".join((self.model.backbone, *sorted(self.ablations)))


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as nested dicts, lists and scalars, as TOML has them."""
    values = msgspec.to_builtins(recipe)
    assert isinstance(values, dict)
    return values


def shaping(recipe: Recipe) -> dict[str, Any]:
    """Return what of the recipe shapes a result, as `to_dict` does: everything but `tracking`."""
    return {key: value for key, value in to_dict(recipe).items() if key != "tracking"}


def shareable(recipe: Recipe) -> Recipe:
    """Return the recipe without the fields that may name the user's files and patients, and without its tracking."""
    return recipe.replace({"dataset.root": "", "dataset.options": {}, "model.weights": "", "tracking": {}})


def from_dict(values: Mapping[str, Any], source: str) -> Recipe:
    """Check `values`, in tables or by dotted names, and make them a recipe; `source` names them in errors.

    A part without options can be written as its name alone: `augmentation = "none"`.
    """
    return checked(lay({}, values), Recipe, source)


def changed_fields(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return the dotted fields of `shaping` in which `after` differs from `before`, options too, with new values."""
    old = leaves(shaping(before))
    return {key: value for key, value in leaves(shaping(after)).items() if old.get(key, msgspec.UNSET) != value}
