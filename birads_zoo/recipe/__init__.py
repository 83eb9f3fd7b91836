"""The recipe: a frozen value that says everything that shapes a result, except the machine it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from birads_zoo.recipe.checking import checked
from birads_zoo.recipe.layers import lay, leaves, put
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
    "TrainingSection",
    "changed_fields",
    "from_dict",
    "to_dict",
]


class Recipe(Section, frozen=True, kw_only=True):
    """Everything that shapes a result. `ablations` are named here and applied by `birads_zoo.ablation`."""

    dataset: DatasetSection = DatasetSection()
    split: SplitSection = SplitSection()
    image: ImageSection = ImageSection()
    augmentation: AugmentationSection = AugmentationSection()
    loss: LossSection = LossSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    evaluation: EvaluationSection = EvaluationSection()
    explainer: ExplainerSection = ExplainerSection()
    seed: Count = 0
    ablations: tuple[str, ...] = ()

    def replace(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with dotted fields changed: `recipe.replace({"model.dropout": 0.0})`.

        Where another part is named, such as another loss, the options of the old one go. Raises `UserError` for an
        unknown field or a value of the wrong type.
        """
        return from_dict(put(to_dict(self), changes), "recipe")

    @property
    def run_id(self) -> str:
        """The backbone and the ablations, as `resnet50+no-dropout` or `timm/resnet50`."""
        return "+".join((self.model.backbone, *sorted(self.ablations)))


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as nested dicts, lists and scalars, as TOML has them."""
    values = msgspec.to_builtins(recipe)
    assert isinstance(values, dict)
    return values


def from_dict(values: Mapping[str, Any], source: str) -> Recipe:
    """Check `values` and make them a recipe; `source` says in errors where they came from.

    A part without options can be written as its name alone: `augmentation = "none"`.
    """
    return checked(lay({}, values), Recipe, source)


def changed_fields(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return the dotted fields, options included, in which `after` differs from `before`, with their new values."""
    old = dict(leaves(to_dict(before)))
    return {key: value for key, value in leaves(to_dict(after)) if old.get(key, msgspec.UNSET) != value}
