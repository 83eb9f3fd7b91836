"""Builds a fold's classifier again from its exported weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
from safetensors import SafetensorError

from birads_zoo.artifact.manifest import OutputsPart
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.finite import check_finite
from birads_zoo.model.misfit import misfit
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


def open_classifier(
    path: Path, recipe: Recipe, host: Host, classes: int, outputs: OutputsPart, compute: Compute
) -> Classifier:
    """Build the network of `recipe` through the plugin host and fill it with the weights in `path`.

    `outputs` are those that it was trained with.

    Raises:
        UserError: if a plugin that it needs is missing or has changed, or the weights do not fit the network or are
            infinite or NaN.

    """
    for kind, name in (("backbone", recipe.model.backbone), ("loss", recipe.loss.name)):
        try:
            host.registered(kind, name)
        except UserError:
            raise UserError(
                f"this model needs the {kind} {name!r}, which no installed plugin registers; install that plugin or "
                "name its file with --plugin, or export the run as onnx"
            ) from None
    settled = recipe.replace({"model.pretrained": False, "model.weights": "", "model.freeze": "none"})
    classifier = build_classifier(settled, host, classes)
    if (registered := OutputsPart.of(classifier.outputs)) != outputs:
        raise UserError(
            f"this model's network has {outputs.logits} logits, read by the rule {outputs.rule!r}, but the loss "
            f"{recipe.loss.name!r} that is registered here has {registered.logits}, read by {registered.rule!r}; use "
            "the plugins that the run was made with, or export the run as onnx"
        )
    try:
        weights = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); export the run again") from None
    check_finite(weights, str(path), "export the run again")
    if reason := misfit(classifier, weights):
        raise UserError(
            f"the weights in {path} do not fit the network that {recipe.model.backbone!r} builds here ({reason}); use "
            "the plugins that the run was made with"
        )
    classifier.load_state_dict(weights)
    return compute.place(classifier).eval()
