"""The bundled losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from birads_zoo import LossContext, LossSpec, hookimpl

if TYPE_CHECKING:
    from torch import nn


def _build_cross_entropy(context: LossContext) -> nn.Module:
    from birads_zoo_plugins.losses._weighted import FocalLoss, class_weights

    return FocalLoss(class_weights(context), focus=0.0)


def _build_focal(context: LossContext) -> nn.Module:
    from birads_zoo_plugins.losses._weighted import FocalLoss, class_weights

    return FocalLoss(class_weights(context), focus=2.0)


@hookimpl
def birads_zoo_losses() -> list[LossSpec]:
    """Return cross-entropy and focal loss, each with balanced class weights if asked for."""
    return [
        LossSpec(name="cross-entropy", summary="Cross-entropy, class weights on or off", build=_build_cross_entropy),
        LossSpec(
            name="focal", summary="Focal loss (Lin et al. 2017), which looks away from easy rows", build=_build_focal
        ),
    ]
