"""A plugin-based zoo of mammogram classifiers for BI-RADS assessment. Research software, no medical device."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from birads_zoo.version import __version__ as __version__

if TYPE_CHECKING:
    from birads_zoo.api.ablate import ablate
    from birads_zoo.api.audit import audit
    from birads_zoo.api.backbones import list_backbones
    from birads_zoo.api.cache import list_cache, prune_cache
    from birads_zoo.api.compare import compare
    from birads_zoo.api.explain import explain
    from birads_zoo.api.export import export
    from birads_zoo.api.figures import Figures
    from birads_zoo.api.guess import guess
    from birads_zoo.api.leakage import leakage
    from birads_zoo.api.load import load
    from birads_zoo.api.open_run import Run, open_run
    from birads_zoo.api.phantom import phantom
    from birads_zoo.api.reproduce import reproduce
    from birads_zoo.api.result import Result
    from birads_zoo.api.run import run
    from birads_zoo.api.verify import verify
    from birads_zoo.artifact.model import Model
    from birads_zoo.artifact.samples import Prediction
    from birads_zoo.data.index.classes import natural_key
    from birads_zoo.data.index.frame import make_index
    from birads_zoo.errors import BiradsZooWarning, RunStoppedError, UserError, unknown_name
    from birads_zoo.files.regular import open_regular
    from birads_zoo.inspection.audit import Audit
    from birads_zoo.inspection.recognition import Guess
    from birads_zoo.interfaces import (
        INDEX_COLUMNS,
        PLUGIN_API,
        AblationSpec,
        AuditEntry,
        AugmentationContext,
        AugmentationSpec,
        BackboneContext,
        BackboneFamily,
        BackboneSpec,
        Classifier,
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
        Record,
        RunFinished,
        RunStarted,
        Stop,
        Target,
        Tracker,
        TrackerContext,
        TrackerSpec,
        chance_column,
        hookimpl,
    )
    from birads_zoo.recipe import Recipe
    from birads_zoo.report.study.leaderboard import Leaderboard
    from birads_zoo.results.explanations import Explanations
    from birads_zoo.results.metrics import RunMetrics
    from birads_zoo.runs.reproduction import Reproduction
    from birads_zoo.study.results import AblationStudy, LeakageStudy

__all__ = [
    "INDEX_COLUMNS",
    "PLUGIN_API",
    "AblationSpec",
    "AblationStudy",
    "Audit",
    "AuditEntry",
    "AugmentationContext",
    "AugmentationSpec",
    "BackboneContext",
    "BackboneFamily",
    "BackboneSpec",
    "BiradsZooWarning",
    "Classifier",
    "DatasetContext",
    "DatasetSpec",
    "EpochRecord",
    "Explainer",
    "ExplainerContext",
    "ExplainerSpec",
    "Explanations",
    "Figures",
    "Guess",
    "Index",
    "Leaderboard",
    "LeakageStudy",
    "Lesion",
    "LossContext",
    "LossSpec",
    "Model",
    "NoOptions",
    "Options",
    "Outputs",
    "OutputsContext",
    "Prediction",
    "Recipe",
    "Record",
    "Reproduction",
    "Result",
    "Run",
    "RunFinished",
    "RunMetrics",
    "RunStarted",
    "RunStoppedError",
    "Stop",
    "Target",
    "Tracker",
    "TrackerContext",
    "TrackerSpec",
    "UserError",
    "ablate",
    "audit",
    "chance_column",
    "compare",
    "explain",
    "export",
    "guess",
    "hookimpl",
    "leakage",
    "list_backbones",
    "list_cache",
    "load",
    "make_index",
    "natural_key",
    "open_regular",
    "open_run",
    "phantom",
    "prune_cache",
    "reproduce",
    "run",
    "unknown_name",
    "verify",
]

_PLACES = {
    "AblationStudy": "birads_zoo.study.results",
    "Audit": "birads_zoo.inspection.audit",
    "BiradsZooWarning": "birads_zoo.errors",
    "Explanations": "birads_zoo.results.explanations",
    "Figures": "birads_zoo.api.figures",
    "Guess": "birads_zoo.inspection.recognition",
    "Leaderboard": "birads_zoo.report.study.leaderboard",
    "LeakageStudy": "birads_zoo.study.results",
    "Model": "birads_zoo.artifact.model",
    "Prediction": "birads_zoo.artifact.samples",
    "Recipe": "birads_zoo.recipe",
    "Reproduction": "birads_zoo.runs.reproduction",
    "Result": "birads_zoo.api.result",
    "Run": "birads_zoo.api.open_run",
    "RunMetrics": "birads_zoo.results.metrics",
    "RunStoppedError": "birads_zoo.errors",
    "UserError": "birads_zoo.errors",
    "ablate": "birads_zoo.api.ablate",
    "audit": "birads_zoo.api.audit",
    "compare": "birads_zoo.api.compare",
    "explain": "birads_zoo.api.explain",
    "export": "birads_zoo.api.export",
    "guess": "birads_zoo.api.guess",
    "leakage": "birads_zoo.api.leakage",
    "list_backbones": "birads_zoo.api.backbones",
    "list_cache": "birads_zoo.api.cache",
    "load": "birads_zoo.api.load",
    "make_index": "birads_zoo.data.index.frame",
    "natural_key": "birads_zoo.data.index.classes",
    "open_regular": "birads_zoo.files.regular",
    "open_run": "birads_zoo.api.open_run",
    "phantom": "birads_zoo.api.phantom",
    "prune_cache": "birads_zoo.api.cache",
    "reproduce": "birads_zoo.api.reproduce",
    "run": "birads_zoo.api.run",
    "verify": "birads_zoo.api.verify",
    "unknown_name": "birads_zoo.errors",
}
"""The modules of the public names that are not defined in `birads_zoo.interfaces`."""

if not TYPE_CHECKING:
    # A name is imported when it is first used. This keeps `import birads_zoo` fast, and `python -m birads_zoo` runs no
    # other code before it has removed the working directory from the path.

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_PLACES.get(name, "birads_zoo.interfaces")), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
