"""Tries backbones with a forward and a backward pass: the feature map, its gradients and the stages."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from birads_zoo.conformance.contract import BrokenContractError, built, called, require, shape
from birads_zoo.interfaces import BackboneContext, BackboneSpec
from birads_zoo.randomness import torch_generator

SIZES = ((64, 64), (96, 128))
"""Heights and widths at which backbones and augmentations are tried: a square, and a picture wider than high."""

_BATCH = 2


def sizes_of(spec: BackboneSpec) -> tuple[tuple[int, int], ...]:
    """Return the sizes (height, width) at which a backbone is tried: two, or the only size that it takes."""
    if spec.image_size:
        return (spec.image_size,)
    if spec.usual_size:
        height, width = spec.usual_size
        return (height, width), (height, width * 3 // 4)
    return SIZES


def try_backbone(spec: BackboneSpec, height: int, width: int) -> list[str]:
    """Run a forward and a backward pass of two images, and check the feature map, its gradients and the stages.

    Returns warnings: what the contract allows, but has a cost.

    Raises:
        BrokenContractError: for the first thing that breaks the contract (`conformance.check_backbone`).

    """
    channels = len(spec.pixel_mean)
    context = BackboneContext(
        in_channels=channels, height=height, width=width, pretrained=False, options=spec.options()
    )
    backbone = built(spec.build, context).train()
    generator = torch_generator(0, "conformance")
    images = torch.randn(_BATCH, channels, height, width, generator=generator)
    features = called(backbone, images)
    shapes = f"{shape(images)} images became {shape(features)}"
    expected = f"a feature map {_BATCH}×D×h×w is expected, before any pooling or flattening"
    require(features.ndim == 4 and features.shape[0] == _BATCH and features.numel() > 0, f"{shapes}, but {expected}")
    require(features.is_floating_point(), f"the feature map holds {features.dtype} instead of floating-point numbers")
    require(bool(features.isfinite().all()), f"{shapes}, with values that are not finite")

    parameters = {name: p for name, p in backbone.named_parameters() if p.requires_grad}
    require(features.requires_grad or not parameters, "gradients do not reach its parameters: the result is detached")
    score = _class_score(features, generator)  # the CAM line: everything after it belongs to the engine
    if features.requires_grad:
        (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
        require(bool(gradient.isfinite().all()), "a class score has a gradient at the feature map that is not finite")
        require(bool(gradient.any()), "a class score has no gradient at the feature map, so no heat map can be drawn")
    gradients = torch.autograd.grad(score, list(parameters.values()), allow_unused=True) if parameters else ()
    require(not parameters or any(g is not None and g.any() for g in gradients), "no gradient reaches its parameters")
    require(all(g is None or g.isfinite().all() for g in gradients), "the gradients of its parameters are not finite")

    warnings: list[str] = []
    unused = [name for name, g in zip(parameters, gradients, strict=True) if g is None]
    if not parameters:
        warnings.append("it has no parameters to train")
    if unused:
        warnings.append(f"{len(unused)} parameters do nothing, such as {unused[0]!r}: leave them out")
    if features.shape[2:].numel() == 1:
        warnings.append(f"its feature map is 1×1 at {height}×{width}: heat maps will be flat")
    elif torch.equal(features.amin((2, 3)), features.amax((2, 3))):
        warnings.append("its feature map is the same everywhere: heat maps will be flat")
    _try_evaluation(backbone.eval(), images)
    _require_stages(spec, backbone)
    return warnings


def _try_evaluation(backbone: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        together = called(backbone, images)
        alone = torch.cat([called(backbone, image) for image in images[:, None]])
    # Outputs of random networks may reach 1e12. Where such sums cancel, rounding alone differs by more than 0.001.
    tolerance = max(1e-3, 1e-5 * float(together.abs().max()))
    same = together.shape == alone.shape and torch.allclose(together, alone, rtol=1e-3, atol=tolerance)
    require(same, "in evaluation mode an image's features depend on the other images of its batch")


def _require_stages(spec: BackboneSpec, backbone: nn.Module) -> None:
    parts = dict(backbone.named_modules()).keys() | dict(backbone.named_parameters()).keys()
    for stage in spec.stages:
        if stage not in parts:
            known = ", ".join(name for name, _ in backbone.named_children())
            raise BrokenContractError(f"its stage {stage!r} is not part of the module; its children are {known}")


def _class_score(features: Tensor, generator: torch.Generator) -> Tensor:
    """Return the log-probability of the first class by a random linear head, summed over the images."""
    weights = torch.randn(features.shape[1], 3, generator=generator)
    return (features.float().mean((2, 3)) @ weights).log_softmax(1)[:, 0].sum()
