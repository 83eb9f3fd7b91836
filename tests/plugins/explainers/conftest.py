"""Fixtures of the explainers' tests: explainers by name, and a classifier whose evidence is at a known place."""

import pytest
import torch
from torch import nn

from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import birads_zoo_explainers


@pytest.fixture(scope="session")
def explain():
    """Explain images by an explainer's name; `steps` speeds up explainers that take many steps."""
    specs = {spec.name: spec for spec in birads_zoo_explainers()}

    def explain(name, classifier, images, targets, present=None, steps=None):
        spec = specs[name]
        few = {option: steps for option in ("steps", "draws") if steps and option in spec.options.__struct_fields__}
        return spec.build(ExplainerContext(classifier=classifier, options=spec.options(**few)))(
            images, torch.as_tensor(targets), torch.ones(images.shape[:2]).bool() if present is None else present
        )

    return explain


@pytest.fixture
def spotter():
    """Build a classifier for which pixels above 0.7 are evidence for class 1, and grey pixels evidence against it.

    Its features at 32×32 are 8×8, with one channel for bright spots and one for grey.
    """

    def build(fusion="mean", freeze="none"):
        convolution = nn.Conv2d(1, 2, 1)
        convolution.weight.data = torch.tensor([10.0, 1.0]).reshape(2, 1, 1, 1)
        convolution.bias.data = torch.tensor([-7.0, -0.3])
        backbone = nn.Sequential(convolution, nn.ReLU(), nn.AvgPool2d(4))
        head = build_head(ModelSection(dropout=0.0, fusion=fusion), 2, 8, 8, 2)
        weights = torch.tensor([[-5.0, 1.0], [5.0, -1.0]])
        head.rest.logits.weight.data = weights if fusion == "mean" else torch.cat([torch.zeros(2, 2), weights], 1)
        nn.init.zeros_(head.rest.logits.bias)
        return Classifier(backbone, head, pixel_mean=(0.0,), pixel_std=(1.0,), freeze=freeze)

    return build
