"""A plugin-based zoo of mammogram classifiers for BI-RADS assessment. Research software, no medical device."""

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
]
