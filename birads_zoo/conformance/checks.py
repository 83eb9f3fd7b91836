"""One check for each kind of part: what it calls, and which findings it returns."""

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
    """A sentence about one part: an error breaks the contract, a warning costs something and is allowed."""

    severity: Literal["error", "warning"]
    text: str

    def __str__(self) -> str:
        return self.text


def check(host: Host, kind: str, name: str) -> list[str]:
    """Check one registered part; returns the warnings, and raises `UserError`, naming the plugin, for an error."""
    registered = host.registered(kind, name)
    findings = check_spec(registered.spec)
    errors = errors_of(findings)
    who = f"{kind_of(kind).word} {name!r} (plugin {registered.plugin})"
    if errors:
        raise UserError(f"{who} breaks its contract: {'; '.join(errors)}")
    return [f"{who}: {finding.text}" for finding in findings]


def errors_of(findings: Sequence[Finding]) -> list[str]:
    """Return the texts of those findings that break the contract."""
    return [finding.text for finding in findings if finding.severity == "error"]


def check_plugin_api(plugin: ModuleType) -> list[Finding]:
    """Check that a plugin's module states the plugin API that it is written for, and that it is this one."""
    if said := fault_of_number(number_of(plugin)):
        return [Finding("error", f"it {said}")]
    if not hasattr(plugin, NAME):
        text = f"it does not say which plugin API it is written for: add the line {NAME} = {PLUGIN_API}"
        return [Finding("warning", text)]
    return []


def check_spec(spec: Spec | BackboneFamily) -> list[Finding]:
    """Check a spec of any kind; of a family of backbones the first member."""
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
    """Check the first member that a family lists; another one: `check_backbone(family.resolve("NAME"))`."""
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

    They are `SIZES`; for a spec that names the size it was made for that one, and three quarters of its width; for one
    that takes a single size that one alone.

    N×C×H×W float32 images must become a finite floating-point feature map N×D×h×w, one row per image that does not
    depend on the other images in evaluation mode, through which gradients reach the parameters. The CAM line: the
    gradient of a class score with respect to the feature map exists, is finite and is not zero everywhere. Weights
    are random: no pretrained ones are fetched.
    """
    findings = _check_fields(spec)
    for height, width in sizes_of(spec):
        if errors_of(findings):
            break
        with _isolated("backbone"), _caught(findings):
            findings += [Finding("warning", said) for said in try_backbone(spec, height, width)]
    return list(dict.fromkeys(findings))


def check_loss(spec: LossSpec) -> list[Finding]:
    """Check a loss's outputs, and that the loss is a finite scalar which falls as the right classes become likelier.

    Outputs: scores N×K of as many logits as they ask for, finite and with finite gradients also for logits of ±100, row
    by row, in float32 and float64, without a look at values, so that they can be exported. Loss: finite, with finite
    gradients, also for logits of ±100; following its gradient makes the right classes the likeliest by its outputs, and
    right answers cost less than wrong ones. For a loss that says it `weighs_classes` all this holds with class weights
    too, and they multiply each row's gradient.
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

    And that a map in a second channel moves with its picture and is otherwise left alone.
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
    """Check that an ablation of the recipe changes some recipe, and that one of the model leaves a classifier."""
    findings = _check_fields(spec)
    if not findings:
        with _isolated("ablation"), _caught(findings):
            try_ablation(spec)
    return findings


def check_explainer(spec: ExplainerSpec) -> list[Finding]:
    """Check that an explainer makes maps N×V×H×W in [0, 1] for small classifiers of one view and two.

    One of them is frozen. A map follows the seed and does not depend on the other images of its batch. The images,
    torch's gradient mode and the classifier (modes, hooks, values, gradients, what is trained) are left as they were.
    """
    findings = _check_fields(spec)
    if not findings:
        with _isolated("explainer"), _caught(findings):
            try_explainer(spec)
    return findings


def check_tracker(spec: TrackerSpec) -> list[Finding]:
    """Check that a tracker follows made-up runs with its default options; a warning where its packages are missing."""
    findings = _check_fields(spec)
    if not findings:
        with _isolated("tracker"), _caught(findings):
            findings += [Finding("warning", said) for said in try_tracker(spec)]
    return findings


def check_dataset(spec: DatasetSpec, example: Path | None = None) -> list[Finding]:
    """Check that a data set recognises what is its own, and nothing else.

    An empty folder, one of somebody else's files, damaged ones among them, and a long list of names are not its own. An
    `example` is a folder that is. It is not loaded: which folder it reads, nobody but its user knows.
    """
    findings = _check_fields(spec)
    if not findings:
        with _caught(findings):
            findings += [Finding("warning", said) for said in try_recognise(spec, example)]
    return findings


def _check_fields(spec: Spec) -> list[Finding]:
    kind = next(kind for kind in KINDS if isinstance(spec, kind.spec))
    of_family = isinstance(spec, BackboneSpec) and "/" in spec.name
    said = fault_of_member(kind, spec, spec.name) if of_family else fault_of_spec(kind, spec)
    return [Finding("error", said)] if said else []


@contextmanager
def _isolated(kind: str) -> Iterator[None]:
    """Seed torch for the block and put its random state back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(0, "conformance", kind))
        yield


@contextmanager
def _caught(findings: list[Finding]) -> Iterator[None]:
    """Make a finding of whatever the plugin's code raises in the block."""
    try:
        yield
    except BrokenContractError as broken:
        findings.append(Finding("error", str(broken)))
    except Exception as error:
        findings.append(Finding("error", f"it failed: {describe(error)}"))
