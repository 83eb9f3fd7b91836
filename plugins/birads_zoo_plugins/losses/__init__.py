"""The bundled losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from birads_zoo import LossContext, LossSpec, Options, Outputs, OutputsContext, hookimpl

if TYPE_CHECKING:
    from torch import nn

PLUGIN_API = 1


class FocalOptions(Options, frozen=True, kw_only=True):
    """The focal loss's options."""

    gamma: Annotated[
        float, Meta(ge=0, description="how much the weight of easy images is reduced; 0 is cross-entropy")
    ] = 2.0


def _build_cross_entropy(context: LossContext) -> nn.Module:
    from birads_zoo_plugins.losses._weighted import FocalLoss

    return FocalLoss(context.weights, gamma=0.0)


def _build_focal(context: LossContext) -> nn.Module:
    from birads_zoo_plugins.losses._weighted import FocalLoss

    return FocalLoss(context.weights, gamma=context.options.gamma)


def _build_corn(context: LossContext) -> nn.Module:
    from birads_zoo_plugins.losses._corn import build

    return build(context)


def _corn_outputs(context: OutputsContext) -> Outputs:
    from birads_zoo_plugins.losses._corn import outputs

    return outputs(context)


@hookimpl
def birads_zoo_losses() -> list[LossSpec]:
    """Return cross-entropy, focal loss and CORN, each with optional class weights."""
    return [
        LossSpec(
            name="cross-entropy",
            summary="Cross-entropy, class weights on or off",
            build=_build_cross_entropy,
            weighs_classes=True,
        ),
        LossSpec(
            name="focal",
            summary="Focal loss (Lin et al. 2017), which gives easy rows a lower weight",
            build=_build_focal,
            weighs_classes=True,
            options=FocalOptions,
        ),
        LossSpec(
            name="corn",
            summary="CORN (Shi, Cao & Raschka 2023), for ordered classes: the probability of passing each class",
            build=_build_corn,
            outputs=_corn_outputs,
            weighs_classes=True,
        ),
    ]
