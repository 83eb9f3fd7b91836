"""The bundled augmentations. Each changes a whole batch on its device, and draws its random numbers there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from birads_zoo import AugmentationContext, AugmentationSpec, Options, hookimpl

if TYPE_CHECKING:
    from torch import nn

PLUGIN_API = 1


def _build_none(context: AugmentationContext) -> nn.Module:
    from torch import nn

    return nn.Identity()


def _build_paper(context: AugmentationContext) -> nn.Module:
    from birads_zoo_plugins.augmentations._paper import Paper

    return Paper()


def _build_mammo(context: AugmentationContext) -> nn.Module:
    from birads_zoo_plugins.augmentations._mammo import Mammo

    options: MammoOptions = context.options
    return Mammo(options.strength, anchored=options.anchored and context.chest_left)


class MammoOptions(Options, frozen=True, kw_only=True):
    """How much an image may be changed."""

    strength: Annotated[
        float, Meta(ge=0, le=1, description="share of the full ranges; at 0 images are only flipped")
    ] = 1.0
    anchored: Annotated[bool, Meta(description="keep the chest wall at the left edge, where image.orient turns it")] = (
        True
    )


@hookimpl
def birads_zoo_augmentations() -> list[AugmentationSpec]:
    """Return no augmentation, the paper's, and one made for mammograms."""
    return [
        AugmentationSpec(name="none", summary="Images as they are", build=_build_none),
        AugmentationSpec(
            name="paper", summary="The paper's: horizontal flip, rotation, brightness, contrast", build=_build_paper
        ),
        AugmentationSpec(
            name="mammo",
            summary="One affine warp that keeps the chest wall in place, gamma and gain; preserves microcalcifications",
            build=_build_mammo,
            options=MammoOptions,
        ),
    ]
