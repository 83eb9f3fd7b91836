"""The seven hooks. None takes arguments; each returns a list of specs."""

import pluggy

from birads_zoo.interfaces import (
    PROJECT,
    AblationSpec,
    AugmentationSpec,
    BackboneSpec,
    DatasetSpec,
    ExplainerSpec,
    LossSpec,
    TrackerSpec,
)

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def birads_zoo_datasets() -> list[DatasetSpec]:  # type: ignore[empty-body]
    """Return data sets: each loads a folder into an index, one row per image."""


@hookspec
def birads_zoo_augmentations() -> list[AugmentationSpec]:  # type: ignore[empty-body]
    """Return augmentations: each builds a module that changes whole batches on their device."""


@hookspec
def birads_zoo_losses() -> list[LossSpec]:  # type: ignore[empty-body]
    """Return losses: each builds a module from logits and targets to a scalar, and defines how logits are read."""


@hookspec
def birads_zoo_backbones() -> list[BackboneSpec]:  # type: ignore[empty-body]
    """Return backbones: each builds a module from images to a feature map."""


@hookspec
def birads_zoo_explainers() -> list[ExplainerSpec]:  # type: ignore[empty-body]
    """Return explainers: each builds a callable from images to heat maps."""


@hookspec
def birads_zoo_trackers() -> list[TrackerSpec]:  # type: ignore[empty-body]
    """Return trackers: each follows a run epoch by epoch, and may stop it."""


@hookspec
def birads_zoo_ablations() -> list[AblationSpec]:  # type: ignore[empty-body]
    """Return ablations: each changes a recipe or a classifier, and becomes a flag of `birads-zoo run`."""
