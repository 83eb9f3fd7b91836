"""The recipe's sections and fields. The section of a part has the part's name and a table of its options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
# Upper limits are far above any sensible value: a mistake in a file, or malice, must not fill the memory.
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Bits = Annotated[int, msgspec.Meta(ge=0, le=16)]
Channels = Annotated[int, msgspec.Meta(ge=0, le=64)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Side = Annotated[int, msgspec.Meta(ge=1, le=8192)]
Width = Annotated[int, msgspec.Meta(ge=0, le=65_536)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the recipe: unknown keys and wrong types are refused."""


class DatasetSection(Section, frozen=True, kw_only=True):
    """Which rows, and what is predicted."""

    name: str = "phantom"
    root: str = ""  # "" for a data set that makes its own data
    target: str = ""  # "" means the data set's first
    classes: tuple[str, ...] = ()  # class names to keep; () keeps all that have usable rows
    views: Literal["single", "breast", "bilateral", "exam"] = (
        "single"  # a sample's pictures (birads_zoo/data/index/views.py)
    )
    level: Literal["", "image", "breast", "patient"] = ""  # of labels and predictions; "" is the target's
    options: dict[str, Any] = {}


class SplitSection(Section, frozen=True, kw_only=True):
    """Which rows are trained on, which choose the epoch, and which are tested."""

    scheme: Literal["patient", "breast", "image", "official", "paper"] = "patient"
    folds: Annotated[int, msgspec.Meta(ge=2, le=1_000_000)] = 5
    validation: Fraction = 0.15  # share of a fold's training patients (or images); 0 trains for all epochs


class ImageSection(Section, frozen=True, kw_only=True):
    """How a picture becomes an H×W array."""

    height: Side = 224
    width: Side = 224
    crop: bool = True  # to the breast
    fit: Literal["pad", "stretch"] = "pad"
    orient: bool = True  # chest wall to the left
    bits: Bits = 0  # bits that 16-bit files (not DICOM) really use, such as 12; 0 is all
    neutral: bool = False  # remove what differs between file formats (birads_zoo/data/placement/neutral.py)
    contrast: Literal["stored", "clahe"] = (
        "stored"  # "clahe" equalises it locally (birads_zoo/data/placement/contrast.py)
    )


class AugmentationSection(Section, frozen=True, kw_only=True):
    """The augmentation: random changes of the training images, made on the device."""

    name: str = "mammo"
    options: dict[str, Any] = {}


class ModelSection(Section, frozen=True, kw_only=True):
    """The backbone, which part of it is trained, and the head on top of it."""

    backbone: str = "mobilenet_v2"
    options: dict[str, Any] = {}  # the backbone's
    channels: Channels = 0  # of the input, all the same picture: 1 or the backbone's number; 0 is the latter
    pretrained: bool = True  # where the backbone has pretrained weights
    weights: str = ""  # a file with a state dict; "" lets the backbone's plugin fetch its own
    pixel_mean: tuple[Number, ...] = ()  # for pixels in [0, 1], one value per channel; () is the backbone's
    pixel_std: tuple[Rate, ...] = ()
    last_stage: str = ""  # the backbone's stage that the head follows; "" is its last
    freeze: Literal["none", "early", "all"] = "none"
    evidence: bool = False  # classify every place of the feature map, and pool the results
    pooling: Literal["avg", "max", "gem", "flatten"] = "avg"
    fusion: Literal["mean", "max", "difference", "concat", "attention"] = "mean"  # of a sample's views
    norm: Literal["none", "batch", "layer"] = "none"
    input_dropout: Fraction = 0.0  # before the hidden layer
    hidden: Width = 0  # width of the hidden layer; 0 for none
    dropout: Fraction = 0.2  # before the logits


class LossSection(Section, frozen=True, kw_only=True):
    """The loss, and whether rare classes get a higher weight in it."""

    name: str = "cross-entropy"
    class_weights: bool = False
    options: dict[str, Any] = {}


class TrainingSection(Section, frozen=True, kw_only=True):
    """How the network is trained."""

    epochs: Positive = 20
    batch_size: Positive = 32
    accumulate: Positive = 1  # batches per optimiser step
    sampler: Literal["natural", "balanced", "sqrt-balanced"] = "natural"
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: Rate = 1e-3
    weight_decay: NonNegative = 0.0  # not for norms and biases
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: NonNegative = 0.0
    plateau_patience: Positive = 2  # epochs without a better validation loss before the rate falls tenfold
    early_stopping: Count = 0  # epochs without a better validation loss before training ends; 0 never ends it
    select: Literal["loss", "macro_f1", "auroc", "last"] = "loss"  # chooses the epoch on the validation rows
    lesion_weight: NonNegative = 0.0  # of the loss that compares the places' evidence with known lesions
    ema: Fraction = 0.0  # decay of the averaged weights; 0 for none
    clip_norm: NonNegative = 0.0  # largest gradient norm; 0 for no clipping
    precision: Literal["auto", "float32", "bfloat16", "bfloat16-except-depthwise", "float16"] = "auto"
    sync_batch_norm: bool = False  # batch norms of processes that train together see the whole batch; needs GPUs


class EvaluationSection(Section, frozen=True, kw_only=True):
    """How predictions are evaluated; nothing here changes training."""

    positive: tuple[str, ...] = ()  # classes taken together against the rest; () takes the target's
    costs: tuple[tuple[NonNegative, ...], ...] = ()  # K×K: of calling a true class (row) another (column); () for none
    level_rule: Literal["mean", "max", "noisy-or"] = "mean"  # of images to breasts (birads_zoo/evaluation/levels.py)
    conformal_level: Level = 0.9  # the wanted probability that a conformal set has the true class


class TrackingSection(Section, frozen=True, kw_only=True):
    """The trackers of a run. Nothing here shapes a result: see `birads_zoo.recipe.shaping`."""

    trackers: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = {}  # by the tracker's name; those of trackers not in use are ignored


class ExplainerSection(Section, frozen=True, kw_only=True):
    """The explainer, which draws the heat maps."""

    name: str = "grad-cam"
    options: dict[str, Any] = {}
