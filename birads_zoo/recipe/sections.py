"""The recipe's sections and fields. A part's section has its name and, as a table, the options that the part has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Bits = Annotated[int, msgspec.Meta(ge=0, le=16)]
Count = Annotated[int, msgspec.Meta(ge=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the recipe: unknown keys and wrong types are refused."""


class DatasetSection(Section, frozen=True, kw_only=True):
    """Which rows, and what is predicted."""

    name: str = "phantom"
    root: str = ""  # "" lets a data set that makes its own data do so
    target: str = ""  # "" means the data set's first
    classes: tuple[str, ...] = ()  # class names to keep; () keeps all that have usable rows
    views: Literal["single", "breast", "bilateral", "exam"] = (
        "single"  # a sample's pictures (birads_zoo/data/index/views.py)
    )
    level: Literal["", "image", "breast", "patient"] = ""  # what labels and predictions are of; "" is the target's
    options: dict[str, Any] = {}


class SplitSection(Section, frozen=True, kw_only=True):
    """Who is trained on, who chooses the epoch, and who is reported."""

    scheme: Literal["patient", "breast", "image", "official", "paper"] = "patient"
    folds: Annotated[int, msgspec.Meta(ge=2)] = 5
    validation: Fraction = 0.15  # of a fold's training patients (or images); 0 trains for the fixed epochs


class ImageSection(Section, frozen=True, kw_only=True):
    """How a picture becomes an H×W array."""

    height: Positive = 224
    width: Positive = 224
    crop: bool = True  # to the breast
    fit: Literal["pad", "stretch"] = "pad"
    orient: bool = True  # chest wall to the left
    bits: Bits = 0  # bits that 16-bit files (not DICOM) really use, such as 12; 0 is all
    neutral: bool = False  # take away what tells file formats apart (birads_zoo/data/placement/neutral.py)
    contrast: Literal["stored", "clahe"] = (
        "stored"  # "clahe" equalises it place by place (birads_zoo/data/placement/contrast.py)
    )


class AugmentationSection(Section, frozen=True, kw_only=True):
    """What changes the training images on the device."""

    name: str = "mammo"
    options: dict[str, Any] = {}


class ModelSection(Section, frozen=True, kw_only=True):
    """The backbone, what of it is trained, and the head on top of it."""

    backbone: str = "mobilenet_v2"
    options: dict[str, Any] = {}  # the backbone's
    channels: Count = 0  # of the backbone's input, all the same picture: 1, or the backbone's own; 0 is its own
    pretrained: bool = True  # where the backbone has pretrained weights
    weights: str = ""  # a state dict's file; "" lets the backbone's plugin fetch its own
    pixel_mean: tuple[float, ...] = ()  # for pixels in [0, 1], a value per channel; () is the backbone's own
    pixel_std: tuple[Rate, ...] = ()
    last_stage: str = ""  # one of the backbone's stages, after which the head follows; "" is its own end
    freeze: Literal["none", "early", "all"] = "none"
    evidence: bool = False  # classify every place of the feature map, and pool what the places say
    pooling: Literal["avg", "max", "gem", "flatten"] = "avg"
    fusion: Literal["mean", "max", "difference", "concat", "attention"] = "mean"  # of a sample's views
    norm: Literal["none", "batch", "layer"] = "none"
    input_dropout: Fraction = 0.0  # before the hidden layer
    hidden: Count = 0  # width of the hidden layer; 0 for none
    dropout: Fraction = 0.2  # before the logits


class LossSection(Section, frozen=True, kw_only=True):
    """The loss, and whether rare classes weigh more in it."""

    name: str = "cross-entropy"
    class_weights: bool = False
    options: dict[str, Any] = {}


class TrainingSection(Section, frozen=True, kw_only=True):
    """How the weights are found."""

    epochs: Positive = 20
    batch_size: Positive = 32
    accumulate: Positive = 1  # batches per optimiser step
    sampler: Literal["natural", "balanced", "sqrt-balanced"] = "natural"
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: Rate = 1e-3
    weight_decay: NonNegative = 0.0  # none on norms and biases
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: NonNegative = 0.0
    plateau_patience: Positive = 2  # epochs without a better validation loss before the rate falls tenfold
    early_stopping: Count = 0  # epochs without a better validation loss before training ends; 0 never ends it
    select: Literal["loss", "macro_f1", "auroc", "last"] = "loss"  # what chooses the epoch on validation rows
    lesion_weight: NonNegative = 0.0  # of the loss that holds the places' evidence against known lesions
    ema: Fraction = 0.0  # decay of the averaged weights; 0 for none
    clip_norm: NonNegative = 0.0  # largest gradient norm; 0 for no clipping
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"


class EvaluationSection(Section, frozen=True, kw_only=True):
    """How the predictions are read; nothing here touches training."""

    positive: tuple[str, ...] = ()  # classes read as one against the rest; () takes the target's own
    costs: tuple[tuple[NonNegative, ...], ...] = ()  # K×K: of calling a true class (row) another (column); () for none
    level_rule: Literal["mean", "max", "noisy-or"] = "mean"  # of images to breasts (birads_zoo/evaluation/levels.py)
    conformal_level: Level = 0.9  # the chance that a conformal set shall hold the true class


class TrackingSection(Section, frozen=True, kw_only=True):
    """Who follows a run. Nothing here shapes a result: see `birads_zoo.recipe.shaping`."""

    trackers: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = {}  # by the tracker's name; those of trackers not in use are ignored


class ExplainerSection(Section, frozen=True, kw_only=True):
    """What draws the heat maps."""

    name: str = "grad-cam"
    options: dict[str, Any] = {}
