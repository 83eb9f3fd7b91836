"""The recipe: a frozen value that says everything that shapes a result, except the machine it runs on."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec

from birads_zoo.errors import UserError

Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the recipe: unknown keys and wrong types are refused."""


class DatasetSection(_Section, frozen=True, kw_only=True):
    """Which rows, and what is predicted."""

    name: str = "phantom"
    root: str = ""  # "" lets a data set that makes its own data do so
    target: str = ""  # "" means the data set's first
    classes: tuple[str, ...] = ()  # class names to keep; () keeps all that have usable rows
    table: str = ""
    columns: dict[str, str] = {}
    patient_pattern: str = ""
    unlisted: bool = False  # take pictures that the table does not name, labelled by their folder
    views: Literal["single", "breast", "bilateral", "exam"] = "single"  # a sample's pictures (birads_zoo/data/views.py)
    level: Literal["", "image", "breast", "patient"] = ""  # what labels and predictions are of; "" is the target's


class SplitSection(_Section, frozen=True, kw_only=True):
    """Who is trained on, who chooses the epoch, and who is reported."""

    scheme: Literal["patient", "breast", "image", "paper"] = "patient"
    folds: Annotated[int, msgspec.Meta(ge=2)] = 5
    validation: Fraction = 0.15  # of a fold's training patients (or images); 0 trains for the fixed epochs


class ImageSection(_Section, frozen=True, kw_only=True):
    """How a picture becomes an H×W array."""

    height: Positive = 224
    width: Positive = 224
    crop: bool = True  # to the breast
    fit: Literal["pad", "stretch"] = "pad"
    orient: bool = True  # chest wall to the left
    neutral: bool = False  # take away what tells file formats apart (birads_zoo/data/neutral.py)


class ModelSection(_Section, frozen=True, kw_only=True):
    """The backbone, what of it is trained, and the head on top of it."""

    backbone: str = "mobilenet_v2"
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


class LossSection(_Section, frozen=True, kw_only=True):
    """The loss, and whether rare classes weigh more in it."""

    name: str = "cross-entropy"
    class_weights: bool = False


class TrainingSection(_Section, frozen=True, kw_only=True):
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


class EvaluationSection(_Section, frozen=True, kw_only=True):
    """How the predictions are read; nothing here touches training."""

    positive: tuple[str, ...] = ()  # classes read as one against the rest; () takes the target's own
    costs: tuple[tuple[NonNegative, ...], ...] = ()  # K×K: of calling a true class (row) another (column); () for none
    level_rule: Literal["mean", "max", "noisy-or"] = "mean"  # of images to breasts (birads_zoo/evaluation/levels.py)
    conformal_level: Level = 0.9  # the chance that a conformal set shall hold the true class


class Recipe(_Section, frozen=True, kw_only=True):
    """Everything that shapes a result. `ablations` are named here and applied by `birads_zoo.ablation`."""

    dataset: DatasetSection = DatasetSection()
    split: SplitSection = SplitSection()
    image: ImageSection = ImageSection()
    augmentation: str = "mammo"
    loss: LossSection = LossSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    evaluation: EvaluationSection = EvaluationSection()
    explainer: str = "grad-cam"
    seed: Count = 0
    ablations: tuple[str, ...] = ()

    def replace(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with dotted fields changed: `recipe.replace({"model.dropout": 0.0})`.

        Raises `UserError` for an unknown field or a value of the wrong type.
        """
        values = to_dict(self)
        for key, value in changes.items():
            set_dotted(values, key, value)
        return from_dict(values, "recipe")

    @property
    def run_id(self) -> str:
        """The backbone and the ablations, as `resnet50+no-dropout`."""
        return "+".join((self.model.backbone, *sorted(self.ablations)))


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as nested dicts, lists and scalars, as TOML has them."""
    values = msgspec.to_builtins(recipe)
    assert isinstance(values, dict)
    return values


def from_dict(values: Mapping[str, Any], source: str) -> Recipe:
    """Check `values` and make them a recipe; `source` says in errors where they came from."""
    _check_keys(values, source)
    try:
        return msgspec.convert(dict(values), Recipe)
    except msgspec.ValidationError as error:
        raise UserError(f"{source}: {_plain(str(error))}") from None


def set_dotted(values: dict[str, Any], key: str, value: Any) -> None:
    """Set `values["a"]["b"] = value` for the key "a.b"; refuses a path through something that is no section."""
    *sections, last = key.split(".")
    at = values
    for section in sections:
        inner = at.setdefault(section, {})
        if not isinstance(inner, dict):
            raise UserError(f"recipe: {key!r} is no field: {section!r} is a single value, not a section")
        at = inner
    at[last] = value


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` on `base`, section by section; free tables such as `dataset.columns` merge likewise."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def changed_fields(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return the dotted fields in which `after` differs from `before`, with their new values."""
    old = dict(_leaves(to_dict(before)))
    return {key: value for key, value in _leaves(to_dict(after)) if old.get(key, msgspec.UNSET) != value}


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and prefix + key in _SECTIONS:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


_SECTIONS: dict[str, tuple[str, ...]] = {
    field.name: field.type.__struct_fields__
    for field in msgspec.structs.fields(Recipe)
    if isinstance(field.type, type) and issubclass(field.type, _Section)
}
_FIELDS = Recipe.__struct_fields__


def _check_keys(values: Mapping[str, Any], source: str) -> None:
    """Name the nearest valid key for each unknown one, which msgspec alone does not."""
    dotted = [*_FIELDS, *(f"{name}.{field}" for name, fields in _SECTIONS.items() for field in fields)]
    for key, value in values.items():
        if key not in _FIELDS:
            raise UserError(f"{source}: unknown key {key!r}; {_nearest(key, dotted)}")
        if key in _SECTIONS and isinstance(value, Mapping):
            for field in value:
                if field not in _SECTIONS[key]:
                    raise UserError(f"{source}: unknown key '{key}.{field}'; {_nearest(f'{key}.{field}', dotted)}")


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
    by_last = [name for name in known if name.split(".")[-1] == key.split(".")[-1]]
    candidates = list(dict.fromkeys(by_last + near))[:3]
    if candidates:
        return f"did you mean {' or '.join(repr(name) for name in candidates)}?"
    return f"known: {', '.join(known)}."


def _plain(message: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.training.epochs`" into a sentence that names the key."""
    what, _, where = message.replace("`", "'").partition(" - at ")
    key = where.strip("'").removeprefix("$.")
    if not key:
        return what
    if what.startswith("Expected 'object'"):
        return f"key {key!r}: expected a section of keys, got a single value"
    if what.startswith("Expected 'array'"):
        return f"key {key!r}: expected a list in square brackets, {what.split(', ')[-1]}"
    if what.startswith("Invalid enum value "):
        value = what.removeprefix("Invalid enum value ").strip("'")
        known = sorted(_choices(key))
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"key {key!r}: {value!r} is none of {', '.join(map(repr, known))}{hint}"
    return f"key {key!r}: {what[0].lower()}{what[1:]}"


def _choices(key: str) -> tuple[str, ...]:
    section, _, field = key.partition(".")
    types = {known.name: known.type for known in msgspec.structs.fields(Recipe)}
    if field:
        types = {known.name: known.type for known in msgspec.structs.fields(types[section])}
    return get_args(types[field or section])
