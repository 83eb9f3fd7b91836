"""What an exported model says of itself: `manifest.json`, checked when it is read, with a checksum of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from birads_zoo import documents
from birads_zoo.data.index.view_names import view_names
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Outputs
from birads_zoo.recipe import ImageSection, Recipe

NOTICE = "Research use only. This is no medical device: it diagnoses nothing, and must not guide anybody's care."

NAME = "manifest.json"

REFERENCE = "reference.safetensors"
"""The file of the features against which new pictures are held."""

NetworkFormat = Literal["safetensors", "onnx", "exported-program"]
SUFFIXES: dict[NetworkFormat, str] = {"safetensors": ".safetensors", "onnx": ".onnx", "exported-program": ".pt2"}


_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the manifest: unknown keys and wrong types are refused."""


class Preprocessing(_Part, frozen=True, kw_only=True):
    """How a file becomes what the network sees.

    `image` places it (`data.store.pixels.read_and_place`); `detail` is what the neutral geometry leaves of each
    picture, fitted over the data set, `None` in another geometry. Grey values are then divided by 255, or by 65535
    where a file has more than 8 bits; `bits` says which the training's store had. `pixel_mean` and `pixel_std`, a value
    per input channel, are part of the exported network, and repeated here for a reader.
    """

    image: ImageSection
    detail: float | None
    bits: Literal[8, 16]
    pixel_mean: tuple[float, ...]
    pixel_std: tuple[float, ...]


class OutputsPart(_Part, frozen=True, kw_only=True):
    """How many logits the networks have, and how these become probabilities, in words.

    The rule is that of the recipe's loss and its options (`birads_zoo.Outputs`). An exported network has it inside and
    puts out probabilities; one kept as "safetensors" gets it from the loss's plugin when it is built again.
    """

    logits: int
    rule: str

    @classmethod
    def of(cls, outputs: Outputs) -> OutputsPart:
        """Describe a loss's outputs."""
        return cls(logits=outputs.logits, rule=outputs.rule)


class FoldPart(_Part, frozen=True, kw_only=True):
    """One fold's network, and what was fitted on the fold's validation rows; `None` where they were too few.

    `temperature` and `shift` (K,) recalibrate its probabilities, `threshold` is that of its conformal sets, and
    `scale` the median distance of its validation rows from its training rows (see `artifact.reference`).
    """

    number: int
    weights: str
    temperature: _Positive | None
    shift: tuple[float, ...]
    threshold: float | None
    scale: _Positive | None


class Share(_Part, frozen=True, kw_only=True):
    """A share of n rows of so many patients, with its 95 % interval (`evaluation.statistics.intervals.rate`)."""

    value: float
    low: float
    high: float
    n: int
    patients: int


class Statistic(_Part, frozen=True, kw_only=True):
    """What a statistic of the run's pictures (`artifact.training_range`) ranges over, with the margin it is granted."""

    low: float
    high: float


class TrainingRange(_Part, frozen=True, kw_only=True):
    """What pictures may be like before a warning is due, and how often held-out ones of the run got one.

    `limit` is that of the distance in feature space, in units of the folds' scales: the 99 % quantile of the
    validation rows, every patient weighing the same. `None` where the run had none. `range_alarms` and
    `distance_alarms` are shares of test rows, each judged by limits set without it (`artifact.held_out`).
    """

    statistics: dict[str, Statistic]
    range_alarms: Share
    limit: float | None
    distance_alarms: Share | None


class HeatMaps(_Part, frozen=True, kw_only=True):
    """Whether the maps of the recipe's explainer are to be believed: the verdict of `birads-zoo explain` on the run.

    `faithful` is `None` where it was undecided or never asked for; `verdict` is its sentence, or says that.
    """

    faithful: bool | None
    verdict: str


class Manifest(_Part, frozen=True, kw_only=True):
    """Everything that it takes to predict with the files beside it. `files` has their SHA-256 checksums.

    Raise `FORMAT`, which is that of all of these files, whenever an older birads-zoo could not read, or would misread,
    what a newer one exports.
    """

    FORMAT: ClassVar[int] = 5

    notice: str
    torch: str
    kind: NetworkFormat
    run_id: str
    recipe: Recipe
    classes: tuple[str, ...]
    target: str
    ordinal: bool
    positive: tuple[str, ...]
    outputs: OutputsPart
    preprocessing: Preprocessing
    folds: tuple[FoldPart, ...]
    training_range: TrainingRange
    heat_maps: HeatMaps
    licences: tuple[str, ...]
    files: dict[str, str]

    @property
    def calibrated_folds(self) -> int:
        """How many of the folds have a temperature; with none, nothing of the model is calibrated."""
        return sum(fold.temperature is not None for fold in self.folds)

    @property
    def level(self) -> str:
        """What gets one prediction: a picture ("image"), a "breast", or a "patient" at one exam."""
        return self.recipe.dataset.level or "image"

    @property
    def view_names(self) -> tuple[str, ...]:
        """What the V pictures that the model looks at are called, in their order."""
        return view_names(self.recipe.dataset.views, self.level)


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    found = {}
    for path in files:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder`, for people to read too."""
    documents.write(folder / NAME, manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of the exported model in `folder`, and every file against its checksum.

    The checksums find damage and mix-ups. They prove no origin: who can change a file can change its checksum too. The
    manifest itself has none: nothing tells when, say, its classes were renamed.

    Raises:
        UserError: when `folder` is no exported model, or one of another format, or a file of it is missing, unlisted or
            changed.

    """
    if not (folder / NAME).exists():
        raise UserError(
            f"{folder} is no exported model: it holds no {NAME}; give a folder that `birads-zoo export` made"
        )
    manifest = documents.read(folder / NAME, Manifest, "export the run again")
    _check_folds(folder, manifest)
    _check_files(folder, manifest)
    return manifest


def _check_folds(folder: Path, manifest: Manifest) -> None:
    count = len(manifest.classes)
    if len(set(manifest.classes)) < max(count, 2):
        raise UserError(f"{folder / NAME} is damaged (its classes are no two or more names); export the run again")
    if not manifest.folds:
        raise UserError(f"{folder / NAME} is damaged (it has no fold); export the run again")
    for fold in manifest.folds:
        if len(fold.shift) != count:
            raise UserError(
                f"{folder / NAME} is damaged (fold {fold.number} has a shift of {len(fold.shift)} values for {count} "
                "classes); export the run again"
            )


def _check_files(folder: Path, manifest: Manifest) -> None:
    if strange := [name for name in manifest.files if Path(name).name != name]:
        raise UserError(f"{folder / NAME} names {strange[0]!r}, which is outside its folder; export the run again")
    for needed in (*(fold.weights for fold in manifest.folds), REFERENCE):
        if needed not in manifest.files:
            raise UserError(f"{folder / NAME} is damaged (it has no checksum of {needed}); export the run again")
    for name, wanted in manifest.files.items():
        try:
            found = checksums([folder / name])[name]
        except OSError as error:
            raise UserError(f"cannot read {folder / name}: {error.strerror}; export the run again") from None
        if found != wanted:
            raise UserError(f"{folder / name} has been changed since it was exported; export the run again")
