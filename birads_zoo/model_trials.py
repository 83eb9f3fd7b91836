"""Ablations and explainers, tried on two recipes and on a classifier so small that it costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import AblationSpec, ExplainerSpec
from birads_zoo.model.build import changed
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.randomness import torch_generator
from birads_zoo.recipe import DatasetSection, LossSection, ModelSection, Recipe, TrainingSection, changed_fields

_CLASSES = 3
_SIZE = (64, 48)
_EVERYTHING_ON = Recipe(  # that an ablation might turn off
    dataset=DatasetSection(views="bilateral"),
    loss=LossSection(class_weights=True),
    model=ModelSection(freeze="all", evidence=True, fusion="difference", norm="batch", input_dropout=0.5, hidden=256),
    training=TrainingSection(
        sampler="balanced",
        weight_decay=0.01,
        warmup_epochs=1.0,
        early_stopping=5,
        lesion_weight=1.0,
        ema=0.99,
        clip_norm=1.0,
    ),
)
_RECIPES = (Recipe(), _EVERYTHING_ON)


class BrokenContractError(Exception):
    """Ends a check at the first error, after which nothing further can be tried."""


def try_explainer(spec: ExplainerSpec) -> None:
    """Explain two images, and look at what the explainer leaves behind.

    Raises:
        ValueError: when its maps are not N×V×H×W, finite and in [0, 1].
        BrokenContractError: when the classifier is not left as it was.

    """
    classifier = _small_classifier()
    explainer = spec.build(classifier)
    images, targets = _images(), torch.tensor([0, _CLASSES - 1])
    explain_sample(classifier, explainer, images, targets, batch_size=len(images))
    before = _state(classifier)
    explainer(images, targets)  # without the engine's guard around it
    if _state(classifier) != before:
        raise BrokenContractError("it does not leave the classifier's modes, gradients and hooks as it found them")


def try_ablation(spec: AblationSpec) -> None:
    """Change two recipes, and a small classifier that then has to classify two images.

    Raises:
        BrokenContractError: when nothing is changed, or the classifier gives no finite logits N×K any more.
        TypeError: when what was changed is no classifier.

    """
    if spec.recipe:
        changes = [changed_fields(before, _ablated(spec.recipe, before)) for before in _RECIPES]
        if not spec.model and not any(changes):
            raise BrokenContractError("it changes no field of any recipe that was tried")
    if spec.model:
        classifier = changed(spec.model, _small_classifier()).eval()
        with torch.no_grad():
            logits: object = classifier(_images())
        if not isinstance(logits, Tensor) or logits.shape != (2, _CLASSES) or not logits.isfinite().all():
            raise BrokenContractError(f"the classifier that it changed gives no finite logits N×{_CLASSES} any more")


def _ablated(change: Callable[[Recipe], Recipe], before: Recipe) -> Recipe:
    after: object = change(before)
    if not isinstance(after, Recipe):
        raise BrokenContractError(f"`recipe` returned a value of type {type(after).__name__}, not a Recipe")
    return after


def _small_classifier() -> Classifier:
    """Convolution, batch norm and dropout, so that what takes one of them away finds it."""
    height, width = _SIZE
    convolution = nn.Conv2d(1, 8, 3, stride=4, padding=1)
    backbone = nn.Sequential(OrderedDict(conv=convolution, norm=nn.BatchNorm2d(8), relu=nn.ReLU()))
    section = ModelSection(norm="batch", input_dropout=0.5, hidden=8, dropout=0.5)
    head = build_head(section, 8, height // 4, width // 4, _CLASSES)
    return Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.5,))


def _images() -> Tensor:
    return torch.rand(2, 1, 1, *_SIZE, generator=torch_generator(0, "conformance"))


def _state(classifier: Classifier) -> object:
    """Return modes, hooks, and which parameters are trained and have a gradient."""
    modules = [
        (part.training, len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
        for part in classifier.modules()
    ]
    return modules, [(parameter.requires_grad, parameter.grad is None) for parameter in classifier.parameters()]
