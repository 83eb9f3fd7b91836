"""The conformance checks, one for each kind of plugin part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import torch

from birads_zoo.conformance.backbone import SIZES, sizes_of, try_backbone
from birads_zoo.conformance.contract import BrokenContractError, built, called, require, shape
from birads_zoo.conformance.dataset import try_recognise
from birads_zoo.conformance.loss import CLASS_COUNTS, try_loss, try_outputs, try_weights
from birads_zoo.conformance.model import try_ablation, try_explainer
from birads_zoo.conformance.tracker import try_tracker
from birads_zoo.errors import UserError
from birads_zoo.interfaces import (
    PLUGIN_API,
    AblationSpec,
    AugmentationContext,
    AugmentationSpec,
    BackboneFamily,
    BackboneSpec,
    DatasetSpec,
    ExplainerSpec,
    LossContext,
    LossSpec,
    Spec,
    TrackerSpec,
)
from birads_zoo.plugin.api_number import NAME, fault_of_number, number_of
from birads_zoo.plugin.host import Host
from birads_zoo.plugin.kinds import KINDS, fault_of_member, fault_of_spec, kind_of
from birads_zoo.plugin.sources import describe
from birads_zoo.randomness import derive, torch_generator
from birads_zoo.training.dry_run import dry_run_augmentation


@dataclass(frozen=True)
class Finding:
    """A sentence about one part. An error breaks the contract; a warning is allowed, but has a cost."""

    severity: Literal["error", "warning"]
    text: str

    def __str__(self) -> str:
        return self.text


def check(host: Host, kind: str, name: str) -> list[str]:
    """Check one registered part and return the warnings; an error raises a `UserError` that names the plugin."""
    registered = host.registered(kind, name)
    findings = check_spec(registered.spec)
    errors = errors_of(findings)
    who = f"{kind_of(kind).word} {name!r} (plugin {registered.plugin})"
    if errors:
        raise UserError(f"{who} breaks its contract: {'; '.join(errors)}")
    return [f"{who}: {finding.text}" for finding in findings]


def errors_of(findings: Sequence[Finding]) -> list[str]:
    """Return the texts of the findings that are errors."""
    return [finding.text for finding in findings if finding.severity == "error"]


def check_plugin_api(plugin: ModuleType) -> list[Finding]:
    """Check that a plugin's module states the number of the plugin API, and that it is the present one."""
    if fault := fault_of_number(number_of(plugin)):
        return [Finding("error", f"it {fault}")]
    if not hasattr(plugin, NAME):
        text = f"it does not say which plugin API it is written for: add the line {NAME} = {PLUGIN_API}"
        return [Finding("warning", text)]
    return []


def check_spec(spec: Spec | BackboneFamily) -> list[Finding]:
    """Check a spec of any kind; for a family of backbones, its first member."""
    match spec:
        case BackboneFamily():
            return _check_family(spec)
        case BackboneSpec():
            return check_backbone(spec)
        case LossSpec():
            return check_loss(spec)
        case AugmentationSpec():
            return check_augmentation(spec)
        case AblationSpec():
            return check_ablation(spec)
        case ExplainerSpec():
            return check_explainer(spec)
        case TrackerSpec():
            return check_tracker(spec)
        case DatasetSpec():
            return check_dataset(spec)


def _check_family(family: BackboneFamily) -> list[Finding]:
    """Check the first member that a family lists. For another member: `check_backbone(family.resolve("NAME"))`."""
    findings: list[Finding] = []
    with _caught(findings):
        names = list(family.names())
        require(bool(names), "names() lists no member")
        member, name = family.resolve(names[0]), f"{family.prefix}/{names[0]}"
        fault = fault_of_member(kind_of("backbone"), member, name)
        require(not fault, f"it has {name!r}, {fault}")
        findings += check_backbone(member)
    return findings


def check_backbone(spec: BackboneSpec) -> list[Finding]:
    """Check the feature-map contract and the CAM line, by one forward and backward pass at each of two sizes.

    The sizes are `SIZES`. For a spec with a `usual_size` they are that size and one of three quarters of its width. For
    a spec with an `image_size` there is only that size.

    N×C×H×W float32 images must become a finite floating-point feature map N×D×h×w. In evaluation mode an image's
    features must not depend on the other images. Gradients must reach the parameters. The CAM line: the gradient of a
    class score with respect to the feature map exists, is finite and is not zero everywhere. Weights are random: no
    pretrained weights are downloaded.
    """
    findings = _check_fields(spec)
    for height, width in sizes_of(spec):
        if errors_of(findings):
            break
        with _isolated("backbone"), _caught(findings):
            findings += [Finding("warning", text) for text in try_backbone(spec, height, width)]
    return list(dict.fromkeys(findings))


def check_loss(spec: LossSpec) -> list[Finding]:
    """Check a loss's outputs, and that the loss is a finite scalar that falls as the right classes become likelier.

    Outputs: they turn the logits that they ask for into scores N×K, each row by itself, in float32 and float64. Scores
    and their gradients are finite, also for logits of ±100. No step depends on the logits' values, so that the network
    can be exported.

    Loss: it and its gradients are finite, also for logits of ±100. Following its gradient makes the right classes the
    likeliest by its outputs, and right answers cost less than wrong answers. For a loss with `weighs_classes` all this
    also holds with class weights, and they multiply each row's gradient.
    """
    findings = _check_fields(spec)
    if not findings:
        with _isolated("loss"), _caught(findings):
            outputs = try_outputs(spec)
            plain = LossContext(class_counts=CLASS_COUNTS, class_weights=False, ordinal=True, options=spec.options())
            loss = built(spec.build, plain)
            try_loss(loss, outputs)
            if spec.weighs_classes:
                weighted = replace(plain, class_weights=True)
                weighing = built(spec.build, weighted)
                try_loss(weighing, outputs)
                try_weights(loss, weighing, weighted.weights, outputs)
    return findings


def check_augmentation(spec: AugmentationSpec) -> list[Finding]:
    """Check that N×1×H×W images in [0, 1] keep shape, type and range, are not changed in place, and follow the seed.

    Also check that a map in a second channel moves with its picture and is not changed in any other way.
    """
    findings = _check_fields(spec)
    for height, width in SIZES:
        if findings:
            break
        with _isolated("augmentation"), _caught(findings):
            augment = built(spec.build, AugmentationContext(height=height, width=width, options=spec.options()))
            images = torch.rand(4, 1, height, width, generator=torch_generator(0, "conformance"))
            before = images.clone()
            seed = derive(0, "conformance")
            torch.manual_seed(seed)
            changed = called(augment, images)
            require(changed.shape == images.shape, f"{shape(images)} became {shape(changed)}: it must stay the same")
            require(changed.dtype == images.dtype, f"float32 pixels became {changed.dtype}")
            require(bool(changed.isfinite().all()), "some pixels are not finite")
            low, high = changed.min().item(), changed.max().item()
            require(low >= -1e-5 and high <= 1 + 1e-5, f"pixels lie in [{low:.3g}, {high:.3g}] instead of [0, 1]")
            require(torch.equal(images, before), "it changes its input in place")
            torch.manual_seed(seed)
            require(torch.equal(called(augment, images), changed), "the same torch seed gives different pictures")
            dry_run_augmentation(augment, height, width, images.device, maps=True)
    return findings


def check_ablation(spec: AblationSpec) -> list[Finding]:
    """Check that an ablation changes some recipe, or leaves a classifier that still works, or both."""
    findings = _check_fields(spec)
    if not findings:
        with _isolated("ablation"), _caught(findings):
            try_ablation(spec)
    return findings


def check_explainer(spec: ExplainerSpec) -> list[Finding]:
    """Check that an explainer makes maps N×V×H×W in [0, 1] for small classifiers of one view and of two views.

    The second classifier is frozen. A map must follow the seed and must not depend on the other images of its batch.
    The images, torch's gradient mode and the classifier (modes, hooks, values, gradients, what is trained) must be left
    as they were.
    """
    findings = _check_fields(spec)
    if not findings:
        with _isolated("explainer"), _caught(findings):
            try_explainer(spec)
    return findings


def check_tracker(spec: TrackerSpec) -> list[Finding]:
    """Check that a tracker follows made-up runs with its default options; warn where its packages are missing."""
    findings = _check_fields(spec)
    if not findings:
        with _isolated("tracker"), _caught(findings):
            findings += [Finding("warning", text) for text in try_tracker(spec)]
    return findings


def check_dataset(spec: DatasetSpec, example: Path | None = None) -> list[Finding]:
    """Check that a data set recognises its own folders, and no others.

    It must not recognise an empty folder, a folder of unrelated and damaged files, or a long list of names. `example`
    is a folder that it must recognise. The data set is not loaded, because only its user knows the folder to read.
    """
    findings = _check_fields(spec)
    if not findings:
        with _caught(findings):
            findings += [Finding("warning", text) for text in try_recognise(spec, example)]
    return findings


def _check_fields(spec: Spec) -> list[Finding]:
    kind = next(kind for kind in KINDS if isinstance(spec, kind.spec))
    of_family = isinstance(spec, BackboneSpec) and "/" in spec.name
    fault = fault_of_member(kind, spec, spec.name) if of_family else fault_of_spec(kind, spec)
    return [Finding("error", fault)] if fault else []


@contextmanager
def _isolated(kind: str) -> Iterator[None]:
    """Seed torch for the block and put its random state back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(0, "conformance", kind))
        yield


@contextmanager
def _caught(findings: list[Finding]) -> Iterator[None]:
    """Turn any exception that the plugin's code raises in the block into a finding."""
    try:
        yield
    except BrokenContractError as broken:
        findings.append(Finding("error", str(broken)))
    except Exception as error:
        findings.append(Finding("error", f"it failed: {describe(error)}"))
