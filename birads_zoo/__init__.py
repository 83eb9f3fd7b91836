"""A plugin-based zoo of mammogram classifiers for BI-RADS assessment. Research software, no medical device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.errors import UserError
from birads_zoo.interfaces import (
    AblationSpec,
    AuditEntry,
    AugmentationOptions,
    AugmentationSpec,
    BackboneOptions,
    BackboneSpec,
    DatasetOptions,
    DatasetSpec,
    ExplainerSpec,
    Index,
    Lesion,
    LossOptions,
    LossSpec,
    Target,
    hookimpl,
)

if TYPE_CHECKING:
    from birads_zoo.artifact.model import Model

__version__ = "0.1.0"

__all__ = [
    "AblationSpec",
    "AuditEntry",
    "AugmentationOptions",
    "AugmentationSpec",
    "BackboneOptions",
    "BackboneSpec",
    "DatasetOptions",
    "DatasetSpec",
    "ExplainerSpec",
    "Index",
    "Lesion",
    "LossOptions",
    "LossSpec",
    "Target",
    "UserError",
    "hookimpl",
    "load",
]


def load(path: Path | str, *, device: str = "auto", plugins: Sequence[Path | str] = ()) -> Model:
    """Open a model that `birads-zoo export` made: `birads_zoo.load("model").predict(["a.png", "b.dcm"])`.

    Args:
        path: the exported folder.
        device: "auto", "cpu", "cuda" or "cuda:N".
        plugins: plugin files that it needs, beside those that are installed or registered.

    Raises:
        UserError: see `birads_zoo.artifact.model.open_model`.

    """
    from birads_zoo.artifact.model import open_model
    from birads_zoo.host import load_host
    from birads_zoo.registry import load_registry

    host = load_host([Path(file) for file in plugins], registry=load_registry())
    return open_model(Path(path), host, device)
