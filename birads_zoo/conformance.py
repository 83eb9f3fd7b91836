"""The kit with which plugin authors, `birads-zoo register` and our own tests check that a part keeps its contract.

Each check takes one spec and returns its findings, none when all is well; it runs on the CPU, downloads nothing and
leaves the global random state of torch as it was:

    assert not conformance.check_backbone(my_spec)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from birads_zoo.errors import UserError
from birads_zoo.host import Host
from birads_zoo.interfaces import (
    AblationSpec,
    AugmentationContext,
    AugmentationSpec,
    BackboneContext,
    BackboneSpec,
    DatasetSpec,
    ExplainerSpec,
    LossContext,
    LossSpec,
    Spec,
    TrackerSpec,
)
from birads_zoo.kinds import KINDS, fault_of_member, fault_of_spec, kind_of
from birads_zoo.loss_trials import CLASS_COUNTS, try_loss, try_outputs
from birads_zoo.model_trials import BrokenContractError, try_ablation, try_explainer
from birads_zoo.plugins import describe
from birads_zoo.randomness import derive, torch_generator
from birads_zoo.tracker_trials import try_tracker
from birads_zoo.training.rehearsal import rehearse_augmentation

__all__ = [
    "Finding",
    "check_ablation",
    "check_augmentation",
    "check_backbone",
    "check_explainer",
    "check_loss",
    "check_spec",
    "check_tracker",
    "errors_of",
]

SIZES = ((64, 64), (96, 128))
"""Heights and widths at which backbones and augmentations are tried: a square, and a picture wider than high."""

_BATCH = 2


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


def check_spec(spec: Spec) -> list[Finding]:
    """Check a spec of any kind."""
    match spec:
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
        case DatasetSpec():  # which folder it reads, nobody but its user knows
            return _check_fields(spec)


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
    for height, width in _sizes_of(spec):
        if errors_of(findings):
            break
        with _isolated("backbone"), _caught(findings):
            _try_backbone(spec, height, width, findings)
    return list(dict.fromkeys(findings))


def check_loss(spec: LossSpec) -> list[Finding]:
    """Check a loss's outputs, and that the loss is a finite scalar which falls as the right classes become likelier.

    Outputs: scores N×K of as many logits as they ask for, finite and with finite gradients also for logits of ±100, row
    by row, in float32 and float64, without a look at values, so that they can be exported. Loss: finite, with finite
    gradients, also for logits of ±100; following its gradient makes the right classes the likeliest by its outputs, and
    right answers cost less than wrong ones. All with and without class weights.
    """
    findings = _check_fields(spec)
    for class_weights in (False, True):
        if findings:
            break
        with _isolated("loss"), _caught(findings):
            outputs = try_outputs(spec)
            context = LossContext(
                class_counts=CLASS_COUNTS, class_weights=class_weights, ordinal=True, options=spec.options()
            )
            try_loss(_built(spec.build, context), outputs)
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
            augment = _built(spec.build, AugmentationContext(height=height, width=width, options=spec.options()))
            images = torch.rand(4, 1, height, width, generator=torch_generator(0, "conformance"))
            before = images.clone()
            seed = derive(0, "conformance")
            torch.manual_seed(seed)
            changed = _called(augment, images)
            _require(changed.shape == images.shape, f"{_shape(images)} became {_shape(changed)}: it must stay the same")
            _require(changed.dtype == images.dtype, f"float32 pixels became {changed.dtype}")
            _require(bool(changed.isfinite().all()), "some pixels are not finite")
            low, high = changed.min().item(), changed.max().item()
            _require(low >= -1e-5 and high <= 1 + 1e-5, f"pixels lie in [{low:.3g}, {high:.3g}] instead of [0, 1]")
            _require(torch.equal(images, before), "it changes its input in place")
            torch.manual_seed(seed)
            _require(torch.equal(_called(augment, images), changed), "the same torch seed gives different pictures")
            rehearse_augmentation(augment, height, width, images.device, maps=True)
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


def _sizes_of(spec: BackboneSpec) -> tuple[tuple[int, int], ...]:
    if spec.image_size:
        return (spec.image_size,)
    if spec.usual_size:
        height, width = spec.usual_size
        return (height, width), (height, width * 3 // 4)
    return SIZES


def _try_backbone(spec: BackboneSpec, height: int, width: int, findings: list[Finding]) -> None:
    channels = len(spec.pixel_mean)
    options = BackboneContext(
        in_channels=channels, height=height, width=width, pretrained=False, options=spec.options()
    )
    backbone = _built(spec.build, options).train()
    generator = torch_generator(0, "conformance")
    images = torch.randn(_BATCH, channels, height, width, generator=generator)
    features = _called(backbone, images)
    asked = f"{_shape(images)} images became {_shape(features)}"
    expected = f"a feature map {_BATCH}×D×h×w is expected, before any pooling or flattening"
    _require(features.ndim == 4 and features.shape[0] == _BATCH and features.numel() > 0, f"{asked}, but {expected}")
    _require(features.is_floating_point(), f"the feature map holds {features.dtype} instead of floating-point numbers")
    _require(bool(features.isfinite().all()), f"{asked}, with values that are not finite")

    parameters = {name: p for name, p in backbone.named_parameters() if p.requires_grad}
    _require(features.requires_grad or not parameters, "gradients do not reach its parameters: the result is detached")
    score = _class_score(features, generator)  # the CAM line: everything after it is the engine's
    if features.requires_grad:
        (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
        _require(bool(gradient.isfinite().all()), "a class score has a gradient at the feature map that is not finite")
        _require(bool(gradient.any()), "a class score has no gradient at the feature map, so no heat map can be drawn")
    gradients = torch.autograd.grad(score, list(parameters.values()), allow_unused=True) if parameters else ()
    _require(not parameters or any(g is not None and g.any() for g in gradients), "no gradient reaches its parameters")
    _require(all(g is None or g.isfinite().all() for g in gradients), "the gradients of its parameters are not finite")

    unused = [name for name, g in zip(parameters, gradients, strict=True) if g is None]
    if not parameters:
        findings.append(Finding("warning", "it has no parameters to train"))
    if unused:
        findings.append(
            Finding("warning", f"{len(unused)} parameters do nothing, such as {unused[0]!r}: leave them out")
        )
    if features.shape[2:].numel() == 1:
        findings.append(Finding("warning", f"its feature map is 1×1 at {height}×{width}: heat maps will be flat"))
    elif torch.equal(features.amin((2, 3)), features.amax((2, 3))):
        findings.append(Finding("warning", "its feature map is the same everywhere: heat maps will be flat"))
    _try_evaluation(backbone.eval(), images)
    _require_stages(spec, backbone)


def _try_evaluation(backbone: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        together = _called(backbone, images)
        alone = torch.cat([_called(backbone, image) for image in images[:, None]])
    same = together.shape == alone.shape and torch.allclose(together, alone, rtol=1e-3, atol=1e-3)
    _require(same, "in evaluation mode an image's features depend on the other images of its batch")


def _require_stages(spec: BackboneSpec, backbone: nn.Module) -> None:
    parts = dict(backbone.named_modules()).keys() | dict(backbone.named_parameters()).keys()
    for stage in spec.stages:
        if stage not in parts:
            known = ", ".join(name for name, _ in backbone.named_children())
            raise BrokenContractError(f"its stage {stage!r} is no part of the module; its children are {known}")


def _class_score(features: Tensor, generator: torch.Generator) -> Tensor:
    """Give the scalar log-probability of the first class, summed over images, of a random linear head."""
    weights = torch.randn(features.shape[1], 3, generator=generator)
    return (features.float().mean((2, 3)) @ weights).log_softmax(1)[:, 0].sum()


def _check_fields(spec: Spec) -> list[Finding]:
    kind = next(kind for kind in KINDS if isinstance(spec, kind.spec))
    of_family = isinstance(spec, BackboneSpec) and "/" in spec.name
    said = fault_of_member(kind, spec, spec.name) if of_family else fault_of_spec(kind, spec)
    return [Finding("error", said)] if said else []


def _built(build: Callable[[Any], nn.Module], options: object) -> nn.Module:
    module: object = build(options)
    _require(isinstance(module, nn.Module), f"`build` returned a value of type {type(module).__name__}, not a module")
    assert isinstance(module, nn.Module)
    return module


def _called(module: nn.Module, *inputs: Tensor) -> Tensor:
    result: object = module(*inputs)
    _require(isinstance(result, Tensor), f"the module returned a value of type {type(result).__name__}, not a tensor")
    assert isinstance(result, Tensor)
    return result


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BrokenContractError(otherwise)


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "()"


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
