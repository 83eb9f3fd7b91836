"""Tries one member of a family of backbones, and prints one JSON line for each result.

The network has random weights and one grey channel. At two picture sizes, one of which is not square: forward and
backward through the engine's classifier, and Grad-CAM. Then the conformance checks (`birads_zoo.conformance`), and
loading a file of the library's own weights, made for its own size and channels. `bench/zoo.py` runs this script in a
separate process.

    python bench/zoo_trial.py timm/convnext_atto
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from birads_zoo import conformance
from birads_zoo.conformance.backbone import SIZES
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import BackboneContext, BackboneSpec, ExplainerContext
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.weights import load_weights
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.recipe import Recipe

MOST = 256  # pixels on each side; larger pictures only for networks that take no smaller ones
CLASSES = 4


def main(name: str) -> None:
    """Try the backbone called `name`, and print the results."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    host = load_host(strict=True)
    spec = host.backbone(name)
    own = spec.usual_size or SIZES[0]
    report(licence=spec.licence, own=own)
    size = (min(own[0], MOST), min(own[1], MOST))
    try:
        first = classifier(host, name, size)
    except UserError:
        size = own
        first = classifier(host, name, size)
    report(parameters=sum(parameter.numel() for parameter in first.backbone.parameters()))
    use(host, first, size)
    del first
    second = (size[0], size[1] * 3 // 4)
    use(host, classifier(host, name, second), second)
    findings = conformance.check_backbone(replace(spec, usual_size=size))
    for finding in findings:
        report(**{finding.severity: finding.text})
    report(contract="broken" if conformance.errors_of(findings) else "kept")
    gc.collect()
    weights_file(spec, second)


def report(**values: object) -> None:
    """Print a JSON line at once, so that it is kept even if the next step ends the process."""
    print(json.dumps(values), flush=True)


def classifier(host: Host, name: str, size: tuple[int, int]) -> Classifier:
    """Build the classifier of a recipe for one channel and pictures of a size."""
    changes = {"model.backbone": name, "model.channels": 1, "model.pretrained": False}
    changes |= {"image.height": size[0], "image.width": size[1]}
    return build_classifier(Recipe().replace(changes), host, CLASSES)


def use(host: Host, made: Classifier, size: tuple[int, int]) -> None:
    """Take a training step's gradients, and explain each class of a picture by Grad-CAM."""
    images, targets = torch.rand(2, 1, 1, *size), torch.tensor([0, CLASSES - 1])
    with torch.no_grad():
        features = made.eval().features(images)
    nn.functional.cross_entropy(made.train()(images), targets).backward()
    gradients = [parameter.grad for parameter in made.parameters() if parameter.grad is not None]
    if not gradients or not all(gradient.isfinite().all() for gradient in gradients):
        report(error=f"gradients are not finite at {size[0]}x{size[1]}")
    made.zero_grad(set_to_none=True)
    spec = host.explainer("grad-cam")
    explainer = spec.build(ExplainerContext(classifier=made, options=spec.options()))
    maps = explain_sample(made, explainer, images[:1].repeat(CLASSES, 1, 1, 1, 1), torch.arange(CLASSES), CLASSES)
    if not maps.any():  # an empty map is possible for one class, but not for all of them
        report(warning=f"Grad-CAM shows nothing at {size[0]}x{size[1]}")
    report(tried=[*size, *features.shape[2:]])


def weights_file(spec: BackboneSpec, size: tuple[int, int]) -> None:
    """Load a file with the library's own names and shapes into a backbone for one channel and another size."""
    library, _, member = spec.name.partition("/")
    assert spec.usual_size
    context = BackboneContext(in_channels=1, height=size[0], width=size[1], pretrained=False, options=spec.options())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file({name: value.contiguous().clone() for name, value in _reference(library, member).items()}, path)
        try:
            load_weights(spec.build(context), path)
        except UserError as error:
            report(weights=str(error).replace(str(path), "a file of its own"))
        else:
            report(weights="fit")


def _reference(library: str, member: str) -> dict[str, Any]:
    """Return the state dict of the library's own network, including its head."""
    if library == "timm":
        import timm

        return timm.create_model(member, pretrained=False).state_dict()
    from torchvision import models

    return models.get_model(member, weights=None).state_dict()


if __name__ == "__main__":
    warnings.simplefilter("ignore", BiradsZooWarning)
    main(sys.argv[1])
