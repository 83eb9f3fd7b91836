"""Tries ablations and explainers on two recipes and on a very small classifier."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from birads_zoo.conformance.contract import BrokenContractError
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import AblationSpec, Explainer, ExplainerContext, ExplainerSpec, Outputs
from birads_zoo.model.build import changed
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.randomness import torch_generator
from birads_zoo.recipe import DatasetSection, LossSection, ModelSection, Recipe, TrainingSection, changed_fields

_CLASSES = 3
_SIZE = (64, 48)
_EVERYTHING_ON = Recipe(  # has everything that an ablation might turn off
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
_SECTION = ModelSection(norm="batch", input_dropout=0.5, hidden=8, dropout=0.5)
_MODULE_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_RECIPES = (Recipe(), _EVERYTHING_ON)


def _two_for_three(logits: Tensor) -> Tensor:
    first, second = logits.unbind(1)
    return torch.stack([-first, first - second, second], 1)


_FEWER_LOGITS = Outputs(logits=2, scores=_two_for_three, rule="the softmax of −a, a − b and b")


def try_explainer(spec: ExplainerSpec) -> None:
    """Explain samples of one view and of two views, and check the maps and that nothing else was changed.

    The first classifier has fewer logits than classes, as with an ordinal loss. The second one is frozen and has an
    evidence head.

    Raises:
        ValueError: when the maps are not N×V×H×W, finite and in [0, 1].
        BrokenContractError: when a map does not follow the seed, depends on other samples or on the pixels of an absent
            picture, or when the classifier, the images or the gradient mode are not left as they were.

    """
    evidence = ModelSection(freeze="all", evidence=True, fusion="difference", pooling="max", norm="batch", dropout=0.5)
    for section, views, outputs in ((_SECTION, 1, _FEWER_LOGITS), (evidence, 2, None)):
        classifier = _small_classifier(section, outputs)
        explainer = spec.build(ExplainerContext(classifier=classifier, options=spec.options()))
        images, targets = _images(3, views), torch.tensor([0, _CLASSES - 1, 1])
        present = torch.ones(3, views, dtype=torch.bool)
        present[0, 1:] = False
        maps = explain_sample(classifier, explainer, images.clone(), targets, batch_size=3, present=present)
        _require_unchanged(explainer, classifier, images, targets, present)
        again = explain_sample(classifier, explainer, images, targets, batch_size=3, present=present)
        if not np.array_equal(maps, again):
            raise BrokenContractError("the same torch seed gives different maps")
        alone = explain_sample(classifier, explainer, images, targets, batch_size=1, present=present)
        if not np.allclose(maps, alone, rtol=1e-3, atol=1e-3):
            raise BrokenContractError("an image's map depends on the other images of its batch")
        images[~present] = 1.0
        others = explain_sample(classifier, explainer, images, targets, batch_size=3, present=present)
        if not np.allclose(maps, others, rtol=1e-3, atol=1e-3):
            raise BrokenContractError("an image's map depends on the pixels of a picture that is absent")


def _require_unchanged(
    explainer: Explainer, classifier: Classifier, images: Tensor, targets: Tensor, present: Tensor
) -> None:
    """Call the explainer without the engine's guard, in evaluation mode and with gradients set on the parameters."""
    for parameter in classifier.eval().parameters():
        parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None
    before, pictures = _state(classifier), images.clone()
    with torch.enable_grad():
        explainer(images, targets, present)
        if not torch.is_grad_enabled():
            raise BrokenContractError("it turns torch's gradients off and does not turn them on again")
    if _state(classifier) != before:
        raise BrokenContractError("it does not leave the classifier's modes, gradients and hooks as they were")
    if images.requires_grad or not torch.equal(images, pictures):
        raise BrokenContractError("it changes the images it was given")


def try_ablation(spec: AblationSpec) -> None:
    """Apply an ablation to two recipes, and to a small classifier that then has to classify two images.

    Raises:
        BrokenContractError: when nothing changes, or the classifier no longer gives finite logits N×K.
        TypeError: when the ablation returns no classifier.

    """
    if spec.recipe:
        changes = [changed_fields(before, _ablated(spec.recipe, before)) for before in _RECIPES]
        if not spec.model and not any(changes):
            raise BrokenContractError("it changes no field of any recipe that was tried")
    if spec.model:
        classifier = changed(spec.model, _small_classifier(_SECTION)).eval()
        with torch.no_grad():
            logits: object = classifier(_images())
        if not isinstance(logits, Tensor) or logits.shape != (2, _CLASSES) or not logits.isfinite().all():
            raise BrokenContractError(f"the classifier that it changed no longer gives finite logits N×{_CLASSES}")


def _ablated(change: Callable[[Recipe], Recipe], before: Recipe) -> Recipe:
    after: object = change(before)
    if not isinstance(after, Recipe):
        raise BrokenContractError(f"`recipe` returned a value of type {type(after).__name__}, not a Recipe")
    return after


def _small_classifier(section: ModelSection, outputs: Outputs | None = None) -> Classifier:
    """Return a classifier with a convolution, batch norm and dropout, for an ablation to remove."""
    height, width = _SIZE
    convolution = nn.Conv2d(1, 8, 3, stride=4, padding=1)
    backbone = nn.Sequential(OrderedDict(conv=convolution, norm=nn.BatchNorm2d(8), relu=nn.ReLU()))
    head = build_head(section, 8, height // 4, width // 4, _CLASSES, outputs=outputs)
    for parameter in head.evidence.parameters():
        nn.init.normal_(parameter)  # its weights start at 0, which leaves nothing to explain
    return Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.5,), freeze=section.freeze)


def _images(count: int = 2, views: int = 1) -> Tensor:
    return torch.rand(count, views, 1, *_SIZE, generator=torch_generator(0, "conformance"))


def _state(classifier: Classifier) -> object:
    """Return modes, hooks, which parameters are trained, and the values of tensors and gradients."""
    modules = [
        (part.training, *(len(getattr(part, hooks)) for hooks in _MODULE_HOOKS)) for part in classifier.modules()
    ]
    parameters = [
        (p.requires_grad, len(p._backward_hooks or ()), None if p.grad is None else _bytes(p.grad))
        for p in classifier.parameters()
    ]
    return modules, parameters, [_bytes(tensor) for tensor in classifier.state_dict().values()]


def _bytes(tensor: Tensor) -> bytes:
    return bytes(tensor.detach().numpy().tobytes())
