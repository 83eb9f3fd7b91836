"""Builds the classifier of a recipe: backbone, weights, freezing, head, and the ablations' changes to the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from birads_zoo.data.index.view_names import count_views
from birads_zoo.errors import NothingChangedError, UserError, is_out_of_memory, warn
from birads_zoo.interfaces import BackboneContext, BackboneSpec
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.model.modes import evaluating
from birads_zoo.model.outputs import make_outputs
from birads_zoo.model.placing import place_size
from birads_zoo.model.stages import cut_after, stages_of, stages_until
from birads_zoo.model.weights import load_weights

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipe import ImageSection, ModelSection, Recipe

_SMALL = 32
"""Pixels of height or width; the usual backbones halve both five times, and have nothing left of fewer."""


def build_classifier(recipe: Recipe, host: Host, classes: int) -> Classifier:
    """Build the classifier that `recipe` describes, for `classes` classes, on torch's default device.

    Initial weights are drawn from torch's global generator: seed it before. The ablations' changes to the recipe must
    have been applied already; their changes to the model are applied here.

    Raises:
        UserError: for an unknown or broken backbone or loss, weights that are unavailable or do not fit, or an ablation
            that changes nothing.

    """
    section = recipe.model
    views = count_views(recipe.dataset.views)
    if section.fusion != "mean" and views == 1:
        raise UserError(
            f"model.fusion = {section.fusion!r} needs samples of several views: set dataset.views to 'breast', "
            "'bilateral' or 'exam'"
        )
    if section.evidence and section.pooling == "gem":
        raise UserError(
            "model.pooling = 'gem' needs features that are never negative, but evidence can be: use 'max' or 'avg'"
        )
    outputs = make_outputs(recipe, host, classes)
    spec = host.backbone(section.backbone)
    _check_size(spec, recipe.image)
    mean, std = _pixel_statistics(spec, section)
    context = BackboneContext(
        in_channels=len(mean),
        height=recipe.image.height,
        width=recipe.image.width,
        pretrained=section.pretrained and not section.weights and bool(spec.weights),
        options=host.options("backbone", spec.name, section.options),
    )
    with host.building("backbone", spec.name):
        backbone = _build_backbone(spec, context)
        if section.last_stage:
            backbone = cut_after(backbone, section.last_stage, stages_of(backbone, spec.stages), spec.name)
        channels, height, width = _feature_map_size(spec, backbone, context)
    if section.weights:
        load_weights(backbone, Path(section.weights))
    if section.freeze != "none" and not context.pretrained and not section.weights:
        warn(
            f"the frozen part of {spec.name} has random weights, which will not be trained; give --weights FILE, or "
            "do not freeze it"
        )
    with host.building("backbone", spec.name):
        classifier = Classifier(
            backbone,
            build_head(
                section,
                channels,
                height,
                width,
                classes,
                views=views,
                outputs=outputs,
                marked=recipe.training.lesion_weight > 0,
            ),
            pixel_mean=mean,
            pixel_std=std,
            freeze=section.freeze,
            stages=stages_until(stages_of(backbone, spec.stages), section.last_stage),
            find_place=partial(place_size, context=context, height=height, width=width),
        )
    return _ablate(classifier, recipe, host)


def _check_size(spec: BackboneSpec, image: ImageSection) -> None:
    if spec.image_size is not None and spec.image_size != (image.height, image.width):
        height, width = spec.image_size
        raise UserError(
            f"{spec.name} takes only pictures of {height}x{width}, not {image.height}x{image.width}; "
            f"set image.height and image.width (--image-size {height}x{width})"
        )


def _pixel_statistics(spec: BackboneSpec, section: ModelSection) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each input channel, from the recipe or else from the backbone.

    A backbone of several channels that is built for one channel gets the means over its channels, because all of them
    show the same picture.
    """
    default = len(spec.pixel_mean)
    channels = section.channels or default
    if channels != default and not (channels == 1 and spec.grey):
        counts = f"{default} or 1" if spec.grey else f"{default}"
        raise UserError(f"model.channels = {channels}: {spec.name} takes {counts}; use 0 for its default")
    mean, std = spec.pixel_mean, spec.pixel_std
    if channels != default:
        mean, std = (sum(mean) / default,), (sum(std) / default,)
    mean, std = section.pixel_mean or mean, section.pixel_std or std
    if not len(mean) == len(std) == channels:
        raise UserError(
            f"model.pixel_mean and model.pixel_std need {channels} values each, one for every input "
            f"channel of {spec.name}, not {len(mean)} and {len(std)}"
        )
    return mean, std


def feature_map_size(backbone: nn.Module, context: BackboneContext) -> tuple[int, int, int]:
    """Return D, h, w of the feature maps of `backbone`, by running two images; its mode is kept.

    Raises:
        ValueError: if it does not return a feature map N×D×h×w.

    """
    with evaluating(backbone), torch.no_grad():
        features = backbone(torch.zeros(2, context.in_channels, context.height, context.width))
    if not isinstance(features, Tensor):
        raise ValueError(f"it returned a {type(features).__name__}, not a feature map N×D×h×w")
    if features.dim() != 4 or features.shape[0] != 2 or 0 in features.shape:
        raise ValueError(
            f"for two {context.height}×{context.width} images it returned the shape {tuple(features.shape)}, "
            "not a feature map N×D×h×w"
        )
    _, channels, height, width = features.shape
    return channels, height, width


def _feature_map_size(spec: BackboneSpec, backbone: nn.Module, context: BackboneContext) -> tuple[int, int, int]:
    try:
        return feature_map_size(backbone, context)
    except (RuntimeError, ValueError) as error:
        if is_out_of_memory(error) or min(context.height, context.width) >= _SMALL:
            raise
        raise UserError(
            f"{spec.name} does not take pictures as small as {context.height}x{context.width} ({error}); set "
            "image.height and image.width (--image-size)"
        ) from error


def _build_backbone(spec: BackboneSpec, context: BackboneContext) -> nn.Module:
    try:
        backbone = spec.build(context)
    except (OSError, HTTPException, RuntimeError) as error:
        if context.pretrained and (not isinstance(error, RuntimeError) or _is_bad_download(error)):
            raise UserError(
                f"cannot fetch the pretrained weights of {spec.name} ({error}); give a local file with "
                "--weights FILE, or start from random weights with --no-pretrained"
            ) from error
        raise
    if not isinstance(backbone, nn.Module):
        raise TypeError(f"it built a {type(backbone).__name__}, not a torch module")
    return backbone


def _is_bad_download(error: RuntimeError) -> bool:
    """Whether torch.hub refused a download for its checksum; other RuntimeErrors come from the plugin."""
    return "hash" in str(error)


def _ablate(classifier: Classifier, recipe: Recipe, host: Host) -> Classifier:
    for name in sorted(recipe.ablations):  # sorted as in the run's id, so that the order never matters
        spec = host.ablation(name)
        if spec.model is None:
            continue
        before = _fingerprint(classifier)
        with host.building("ablation", name):
            classifier = changed(spec.model, classifier)
        if _fingerprint(classifier) == before:
            raise NothingChangedError(
                f"ablation {name!r} changes nothing here: {recipe.model.backbone} and its head do not have what it "
                f"removes; leave --{name} out"
            )
    return classifier


def changed(change: Callable[[nn.Module], nn.Module], classifier: Classifier) -> Classifier:
    """Apply an ablation's `model` to `classifier`; raise `TypeError` if the result is not a classifier."""
    result = change(classifier)
    if not isinstance(result, Classifier):
        raise TypeError(f"it returned a {type(result).__name__}, not the classifier it was given")
    return result


def _fingerprint(module: nn.Module) -> object:
    """Return everything in which two states of a module can differ: its parts, their settings, and its tensors.

    A tensor's identity and version show whether it was changed, without a copy of its values.
    """
    parts = [(name, type(part), part.extra_repr()) for name, part in module.named_modules()]
    tensors = [(name, id(tensor), tensor._version) for name, tensor in module.state_dict(keep_vars=True).items()]
    trained = [(name, parameter.requires_grad) for name, parameter in module.named_parameters()]
    return parts, tensors, trained
