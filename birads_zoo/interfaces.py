"""The six specs a plugin can register, and the typed values that cross the border between engine and plugin.

This is all that a plugin needs. The bundled ones also use rooms of the engine, such as its errors and its cache; the
engine never imports a plugin. Importing this module loads no heavy library: pandas and torch appear in annotations
only. A spec is a frozen, keyword-only value with a name, a one-line summary and one callable; the callable does
its own heavy imports when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import pluggy

from birads_zoo.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from birads_zoo.model.classifier import Classifier
    from birads_zoo.recipe import Recipe

PROJECT = "birads_zoo"
"""pluggy's project name and the entry-point group."""

hookimpl = pluggy.HookimplMarker(PROJECT)

INDEX_COLUMNS = (
    "row",  # int: the row's number in its source (a sheet's own row number, header = 1), unique
    "image_path",  # str: POSIX path relative to Index.root
    "patient_id",  # str, or "" when unknown
    "exam_id",  # str: one visit of one patient, or ""
    "laterality",  # "L", "R" or ""
    "view",  # "CC", "MLO", another view's name, or ""
    "assessment",  # "0" … "6" (BI-RADS category) or ""
    "label",  # str: the class of a data set without BI-RADS categories, or ""
    "density",  # "A" … "D" (ACR composition) or ""
    "age",  # float: years at the exam, NaN when unknown
    "study_date",  # str as far as known: "2019", "2019-03", "2019-03-14", or ""
    "lesions",  # tuple[Lesion, ...]: () when none is known
)
"""The canonical columns of an index, in order. A data set may append columns of its own after them."""


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One marked lesion, as its bounding box in the source picture's pixels, origin at the top left.

    `outline` says how the annotator drew it: a circle inscribed in the box, or the box itself. `mask_path` is a
    picture of the same size (relative to the index's root), non-zero inside the lesion, where one is known.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    outline: Literal["circle", "box"] = "circle"
    mask_path: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One row that was dropped or repaired, and why. `reason` is short and countable; `detail` is free text.

    "unlisted" is a picture that no row names; its `row` is 0.
    """

    row: int
    image_path: str
    patient_id: str
    action: Literal["dropped", "repaired", "unlisted"]
    reason: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Index:
    """A row per image in the canonical columns, and the record of what was dropped or repaired on the way.

    `rows` has at least `INDEX_COLUMNS` and a fresh 0 … n−1 pandas index. Nobody changes it in place.
    """

    root: Path
    rows: pd.DataFrame
    audit: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is predicted: an index column, and which of its values make up which class.

    `classes` maps each class name, in order, to the values of `column` it stands for; `None` makes every value
    found a class of its own, sorted. A row whose value belongs to no class is dropped as "excluded category".
    `ordinal` says whether the classes' order carries meaning. `positive` names the classes that a reader wants found,
    such as BI-RADS 4 and 5: together they are read as one against the rest, on top of the classes themselves.
    `at_lesion` says that the first class is what tissue without a lesion shows, and the others are seen at the lesion.
    """

    name: str
    column: str
    classes: Mapping[str, Sequence[str]] | None
    ordinal: bool = False
    positive: tuple[str, ...] = ()
    at_lesion: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Where the data is, and how to read tables and folders that follow no convention of their own.

    `root` is `None` when the user gave none; only a data set that can make its own data accepts that. `table` is
    a sheet or CSV file, relative to the root unless absolute; `columns` maps canonical column names to the
    table's; `patient_pattern` is a regular expression whose first group, searched in the relative image path, is
    the patient id. `unlisted` asks for pictures that no row of the table names too, with what their paths tell of them;
    a data set without a table, or whose paths tell nothing, has none.
    """

    root: Path | None
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    patient_pattern: str = ""
    unlisted: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A data set: `load(options)` returns its `Index`, before any file is looked at.

    `targets` lists what can be predicted; the first is the default. `load` raises `UserError` for a root that
    is not this data set.
    """

    name: str
    summary: str
    load: Callable[[DatasetOptions], Index]
    targets: tuple[Target, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AugmentationOptions:
    """The size in pixels of the images that will be augmented."""

    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec:
    """An augmentation: `build(options)` returns a module, N×C×H×W floats on any device → the same.

    The first channel is the picture, in [0, 1]. Further ones, which only some runs have, are maps of the same places,
    such as where its lesions are: they move with it (in [-1, 1], 0 outside) and are otherwise left as they are.
    Its random parameters come from torch's generator of the images' device, so that the engine's seed rules them.
    """

    name: str
    summary: str
    build: Callable[[AugmentationOptions], nn.Module]


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """Training rows per class, in class order, and whether rare classes shall weigh more."""

    class_counts: tuple[int, ...]
    class_weights: bool


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss: `build(options)` returns a module, (logits N×K, targets N of int64) → scalar."""

    name: str
    summary: str
    build: Callable[[LossOptions], nn.Module]


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """What a backbone is built for.

    `in_channels` is the length of the spec's `pixel_mean`. `pretrained` asks the plugin to fetch its own default
    weights; when the user gives a weights file, it is false and the engine loads that file afterwards.
    """

    in_channels: int
    height: int
    width: int
    pretrained: bool


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """A backbone: `build(options)` returns a module, N×C×H×W floats → a feature map N×D×h×w.

    `pixel_mean` and `pixel_std` (one value a channel, for pixels in [0, 1]) are applied by the engine, which also
    repeats the grey picture over that many channels. `stages` names the module's children from input to output, and
    parameters of its own that lie in no child, such as position embeddings; freezing "early" stages means the first
    half of them. Without `stages` all children count, in their order. A recipe can end the module after a stage
    (`model.last_stage`) where it is an `nn.Sequential`, or has a method `end_after(stage)` (`birads_zoo.model.stages`).
    `weights` says in words what `build` fetches when asked for pretrained weights, with source and, unless
    `[licences]` in registry.toml tells it, licence; without it the backbone has none and always starts from a random
    initialisation.
    """

    name: str
    summary: str
    build: Callable[[BackboneOptions], nn.Module]
    pixel_mean: tuple[float, ...] = (0.5,)
    pixel_std: tuple[float, ...] = (0.5,)
    stages: tuple[str, ...] = ()
    weights: str = ""


class Explainer(Protocol):
    """Makes heat maps for images of one classifier, and leaves its mode, gradients and hooks as it found them.

    A map shows one image alone: it does not depend on the other images of its batch.
    """

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class ExplainerSpec:
    """An explainer: `build(classifier)` returns a callable that makes heat maps.

    What it draws at random comes from torch's generator of the CPU, which the engine seeds before every batch, so that
    all devices give the same maps; and it is the same for all images of a batch, so that an image's map does not depend
    on where it stands. Also a classifier whose backbone is frozen gives its features a gradient down to the images, if
    these want one.
    """

    name: str
    summary: str
    build: Callable[[Classifier], Explainer]


@dataclass(frozen=True, kw_only=True)
class AblationSpec:
    """An ablation: a change to the recipe, to the built classifier, or to both. Its name is its flag.

    `recipe` returns a changed copy; `model` changes the classifier's modules and returns it. An ablation that
    changes nothing is an error: one with `model` must change the classifier, one without it the recipe. So are two
    that set the same field. Changes to the classifier must commute; they are made in the order of the names.
    """

    name: str
    summary: str
    recipe: Callable[[Recipe], Recipe] | None = None
    model: Callable[[nn.Module], nn.Module] | None = None

    def __post_init__(self) -> None:
        if self.recipe is None and self.model is None:
            raise UserError(f"ablation {self.name!r} changes neither the recipe nor the model: give one of them")


Spec = DatasetSpec | AugmentationSpec | LossSpec | BackboneSpec | ExplainerSpec | AblationSpec
