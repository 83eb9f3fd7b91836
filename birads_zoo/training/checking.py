"""Checks a recipe by building its model and loss once, before any picture is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Target
from birads_zoo.model.build import build_classifier
from birads_zoo.randomness import kept_state
from birads_zoo.recipe import Recipe
from birads_zoo.training.fold import make_criterion

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


def check_recipe(recipe: Recipe, host: Host, target: Target, classes: int) -> None:
    """Build the classifier, on the CPU, and the loss of `recipe` for `classes` classes.

    `recipe` has its ablations applied. Nothing is downloaded, and no random numbers are drawn from the global
    generators.

    Raises:
        UserError: if the model or the loss cannot be built, or the recipe's settings contradict each other.

    """
    if recipe.training.batch_size == 1 and recipe.model.norm == "batch":
        raise UserError("batch norm needs batches of two or more: raise training.batch_size or change model.norm")
    classes = max(2, classes)  # fewer are refused later, with their rows
    untrained = recipe.replace({"model.pretrained": False, "model.freeze": "none"})
    with kept_state():
        classifier = build_classifier(untrained, host, classes)
        make_criterion(recipe, host, target, [1] * classes, classifier, torch.device("cpu"))
