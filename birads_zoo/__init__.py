"""A plugin-based zoo of mammogram classifiers for BI-RADS assessment. Research software, no medical device."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from birads_zoo.version import __version__ as __version__

if TYPE_CHECKING:
    from birads_zoo.artifact.load import load
    from birads_zoo.errors import RunStoppedError, UserError
    from birads_zoo.interfaces import (
        AblationSpec,
        AuditEntry,
        AugmentationContext,
        AugmentationSpec,
        BackboneContext,
        BackboneFamily,
        BackboneSpec,
        DatasetContext,
        DatasetSpec,
        EpochRecord,
        Explainer,
        ExplainerContext,
        ExplainerSpec,
        Index,
        Lesion,
        LossContext,
        LossSpec,
        NoOptions,
        Options,
        Outputs,
        OutputsContext,
        RunFinished,
        RunStarted,
        Stop,
        Target,
        Tracker,
        TrackerContext,
        TrackerSpec,
        hookimpl,
    )

__all__ = [
    "AblationSpec",
    "AuditEntry",
    "AugmentationContext",
    "AugmentationSpec",
    "BackboneContext",
    "BackboneFamily",
    "BackboneSpec",
    "DatasetContext",
    "DatasetSpec",
    "EpochRecord",
    "Explainer",
    "ExplainerContext",
    "ExplainerSpec",
    "Index",
    "Lesion",
    "LossContext",
    "LossSpec",
    "NoOptions",
    "Options",
    "Outputs",
    "OutputsContext",
    "RunFinished",
    "RunStarted",
    "RunStoppedError",
    "Stop",
    "Target",
    "Tracker",
    "TrackerContext",
    "TrackerSpec",
    "UserError",
    "hookimpl",
    "load",
]

_PLACES = {
    "RunStoppedError": "birads_zoo.errors",
    "UserError": "birads_zoo.errors",
    "load": "birads_zoo.artifact.load",
}
"""Where the public names are defined that are not in `birads_zoo.interfaces`."""

if not TYPE_CHECKING:
    # A name is imported when it is first asked for: `import birads_zoo` stays instant, and `python -m birads_zoo` runs
    # no other code before it has taken the working directory off the path.

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_PLACES.get(name, "birads_zoo.interfaces")), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
