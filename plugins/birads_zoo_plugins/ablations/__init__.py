"""The bundled ablations: each removes one part of the network or its training from any recipe.

No two ablations change the same field, so that they can be combined in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from birads_zoo import AblationSpec, UserError, hookimpl

if TYPE_CHECKING:
    from torch import nn

    from birads_zoo import Recipe

PLUGIN_API = 1


def _setting(**fields: object) -> Callable[[Recipe], Recipe]:
    """Return a function that sets fields of a recipe; "__" stands for the dot in their names."""
    changes = {name.replace("__", "."): value for name, value in fields.items()}
    return lambda recipe: recipe.replace(changes)


def _without_partners(recipe: Recipe) -> Recipe:
    level = recipe.dataset.level or "image"
    if level != "image":
        raise UserError(
            f"ablation 'no-partner-view' makes every picture a separate sample, but labels of the {level} "
            "(dataset.level) belong to several pictures: leave it out, or set dataset.level to 'image' in both runs"
        )
    return recipe.replace({"dataset.views": "single", "model.fusion": "mean"})


def _without_batchnorm(classifier: nn.Module) -> nn.Module:
    from birads_zoo_plugins.ablations._batchnorm import without_batchnorm

    return without_batchnorm(classifier)


@hookimpl
def birads_zoo_ablations() -> list[AblationSpec]:
    """Return the paper's ablations and those that its training suggests."""
    return [
        AblationSpec(
            name="no-dropout",
            summary="No dropout in the head",
            recipe=_setting(model__dropout=0.0, model__input_dropout=0.0),
        ),
        AblationSpec(
            name="no-lesions",
            summary="Known lesions are not shown to the network in training",
            recipe=_setting(training__lesion_weight=0.0),
        ),
        AblationSpec(
            name="no-partner-view",
            summary="Every picture is a separate sample",
            recipe=_without_partners,
        ),
        AblationSpec(name="no-batchnorm", summary="No batch norm in backbone and head", model=_without_batchnorm),
        AblationSpec(name="no-augmentation", summary="Images as they are", recipe=_setting(augmentation__name="none")),
        AblationSpec(
            name="no-class-weights",
            summary="Every row has the same weight in the loss",
            recipe=_setting(loss__class_weights=False),
        ),
        AblationSpec(
            name="no-oversampling",
            summary="Every row is drawn once per epoch",
            recipe=_setting(training__sampler="natural"),
        ),
        AblationSpec(
            name="no-pretrained",
            summary="Random initial weights",
            recipe=_setting(model__pretrained=False, model__weights=""),
        ),
        AblationSpec(name="no-freeze", summary="The whole backbone is trained", recipe=_setting(model__freeze="none")),
        AblationSpec(
            name="no-early-stopping",
            summary="Training runs for all epochs",
            recipe=_setting(training__early_stopping=0),
        ),
    ]
