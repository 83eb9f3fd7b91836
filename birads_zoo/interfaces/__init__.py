"""Defines the specs that a plugin can register, and the typed values that pass between the engine and plugins.

Plugins need nothing else; `birads_zoo` exports all of it. The engine never imports a plugin. Importing this package
loads no heavy library: pandas and torch are used in annotations only. A spec is a frozen, keyword-only value with a
name, a one-line summary, the type of its options and a callable, which does its own heavy imports when it is called.
Each plugin kind has its own file here.
"""

import pluggy

from birads_zoo.interfaces.ablation import AblationSpec
from birads_zoo.interfaces.augmentation import AugmentationContext, AugmentationSpec
from birads_zoo.interfaces.backbone import BackboneContext, BackboneFamily, BackboneSpec
from birads_zoo.interfaces.dataset import DatasetContext, DatasetSpec
from birads_zoo.interfaces.explainer import Classifier, Explainer, ExplainerContext, ExplainerSpec
from birads_zoo.interfaces.index import INDEX_COLUMNS, AuditEntry, Index, Lesion, Record, Target, chance_column
from birads_zoo.interfaces.loss import LossContext, LossSpec, Outputs, OutputsContext, softmax_outputs
from birads_zoo.interfaces.options import PROJECT, NoOptions, Options
from birads_zoo.interfaces.plugin_api import PLUGIN_API
from birads_zoo.interfaces.tracker import (
    EpochRecord,
    RunFinished,
    RunStarted,
    Stop,
    Tracker,
    TrackerContext,
    TrackerSpec,
)

hookimpl = pluggy.HookimplMarker(PROJECT)

Spec = DatasetSpec | AugmentationSpec | LossSpec | BackboneSpec | ExplainerSpec | TrackerSpec | AblationSpec

__all__ = [
    "INDEX_COLUMNS",
    "PLUGIN_API",
    "PROJECT",
    "AblationSpec",
    "AuditEntry",
    "AugmentationContext",
    "AugmentationSpec",
    "BackboneContext",
    "BackboneFamily",
    "BackboneSpec",
    "Classifier",
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
    "Record",
    "RunFinished",
    "RunStarted",
    "Spec",
    "Stop",
    "Target",
    "Tracker",
    "TrackerContext",
    "TrackerSpec",
    "chance_column",
    "hookimpl",
    "softmax_outputs",
]
