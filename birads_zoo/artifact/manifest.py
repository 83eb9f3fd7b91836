"""Describes an exported model: `manifest.json`, checked when it is read, with a checksum of every file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from birads_zoo.data.index.view_names import view_names
from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.files.digests import sha256
from birads_zoo.interfaces import Outputs
from birads_zoo.recipe import ImageSection, Recipe

NOTICE = "Research use only. This is no medical device: it diagnoses nothing, and must not guide anybody's care."

NAME = "manifest.json"

REFERENCE = "reference.safetensors"
"""The file of the features that new pictures are compared with."""

NetworkFormat = Literal["safetensors", "onnx", "openvino", "exported-program"]
SUFFIXES: dict[NetworkFormat, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "onnx": (".onnx",),
    "openvino": (".xml", ".bin"),
    "exported-program": (".pt2",),
}
"""The suffixes of a network's files; a fold's `weights` names the first of them."""

Precision = Literal["float32", "bfloat16"]
"""What the networks of an exported model compute in."""

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the manifest: unknown keys and wrong types are refused."""


class Preprocessing(_Part, frozen=True, kw_only=True):
    """How a file becomes what the network sees.

    `image` places it (`data.store.pixels.read_and_place`). `detail` is how much detail the neutral geometry leaves in
    each picture, fitted over the data set; `None` in another geometry. Grey values are then divided by 255, or by 65535
    if a file has more than 8 bits; `bits` says which of the two the pixel store of the training had. `pixel_mean` and
    `pixel_std`, one value per input channel, are part of the exported network and repeated here for the reader.
    """

    image: ImageSection
    detail: float | None
    bits: Literal[8, 16]
    pixel_mean: tuple[float, ...]
    pixel_std: tuple[float, ...]


class OutputsPart(_Part, frozen=True, kw_only=True):
    """How many logits the networks have, and how these become probabilities, in words.

    The rule is that of the recipe's loss and its options (`birads_zoo.Outputs`). A network exported as ONNX or as an
    exported program contains it and outputs probabilities; one exported as "safetensors" gets it from the loss's plugin
    when it is built again.
    """

    logits: int
    rule: str

    @classmethod
    def of(cls, outputs: Outputs) -> OutputsPart:
        """Describe a loss's outputs."""
        return cls(logits=outputs.logits, rule=outputs.rule)


class FoldPart(_Part, frozen=True, kw_only=True):
    """One fold's network, and what was fitted on the fold's validation rows; `None` if they were too few.

    `temperature` and `shift` (K,) recalibrate its probabilities. `threshold` is that of its conformal sets. `scale` is
    the median distance of its validation rows from its training rows (see `artifact.reference`).

    `folded` says whether the network that was checked, and that predicts, has its batch norms folded into the
    convolutions before them (`model.folding`). `weights` has them as they were trained.
    """

    number: int
    weights: str
    folded: bool
    temperature: _Positive | None
    shift: tuple[float, ...]
    threshold: float | None
    scale: _Positive | None


class Share(_Part, frozen=True, kw_only=True):
    """A share of `n` rows of `patients` patients, with its 95 % interval (`evaluation.statistics.intervals.rate`)."""

    value: float
    low: float
    high: float
    n: int
    patients: int


class Statistic(_Part, frozen=True, kw_only=True):
    """The range of a statistic of the run's pictures (`artifact.training_range`), with a margin on both sides."""

    low: float
    high: float


class TrainingRange(_Part, frozen=True, kw_only=True):
    """The limits within which a picture gets no warning, and how often held-out rows of the run exceed them.

    `limit` is that of the distance in feature space, in units of the folds' scales: the 99 % quantile of the
    validation rows, with equal weight for every patient. It is `None` if the run had no validation rows. `range_alarms`
    and `distance_alarms` are shares of test rows, each compared with limits set without it (`artifact.held_out`).
    """

    statistics: dict[str, Statistic]
    range_alarms: Share
    limit: float | None
    distance_alarms: Share | None


class Agreement(_Part, frozen=True, kw_only=True):
    """How the exported networks agree with the trainer's on `pictures` rows of the run.

    In float32 no output differs by more than `tolerance`, and in bfloat16 no probability
    (`artifact.agreement.TOLERANCES`). `probability` is the largest change of a probability.
    """

    pictures: int
    tolerance: float
    probability: float


class HeatMaps(_Part, frozen=True, kw_only=True):
    """Whether the recipe's explainer is faithful: the verdict of `birads-zoo explain` on the run.

    `faithful` is `None` if that was undecided or never tested. `verdict` is the verdict's sentence, or says that there
    is none.
    """

    faithful: bool | None
    verdict: str


class Manifest(_Part, frozen=True, kw_only=True):
    """Everything that is needed to predict with the files beside it. `files` has their SHA-256 checksums.

    `precision` is that in which the networks were checked, and predict.

    `FORMAT` is the format number of all of these files. Increase it whenever an older birads-zoo could not read, or
    would misread, what a newer one exports.
    """

    FORMAT: ClassVar[int] = 6

    notice: str
    torch: str
    kind: NetworkFormat
    precision: Precision
    run_id: str
    recipe: Recipe
    classes: tuple[str, ...]
    target: str
    ordinal: bool
    positive: tuple[str, ...]
    outputs: OutputsPart
    preprocessing: Preprocessing
    folds: tuple[FoldPart, ...]
    agreement: Agreement
    training_range: TrainingRange
    heat_maps: HeatMaps
    licences: tuple[str, ...]
    files: dict[str, str]

    @property
    def calibrated_folds(self) -> int:
        """How many of the folds have a temperature; with 0 the model is not calibrated."""
        return sum(fold.temperature is not None for fold in self.folds)

    @property
    def level(self) -> str:
        """What gets one prediction: a picture ("image"), a "breast", or a "patient" at one exam."""
        return self.recipe.dataset.level or "image"

    @property
    def view_names(self) -> tuple[str, ...]:
        """The names of the V pictures that the model looks at, in order."""
        return view_names(self.recipe.dataset.views, self.level)


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    return {path.name: sha256(path) for path in files}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder` as JSON that is easy to read."""
    documents.write(folder / NAME, manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of the exported model in `folder`, and every file against its checksum.

    The checksums detect damage and mix-ups. They do not prove where a file comes from: anyone who can change a file can
    change its checksum too.

    Raises:
        UserError: if `folder` is not an exported model, has another format, or a file of it is missing, unlisted or
            changed.

    """
    if not (folder / NAME).exists():
        raise UserError(
            f"{folder} is not an exported model: it has no {NAME}; give a folder that `birads-zoo export` made"
        )
    manifest = documents.read(folder / NAME, Manifest, "export the run again")
    _check_folds(folder, manifest)
    _check_files(folder, manifest)
    return manifest


def _check_folds(folder: Path, manifest: Manifest) -> None:
    count = len(manifest.classes)
    if len(set(manifest.classes)) < max(count, 2):
        raise UserError(f"{folder / NAME} is damaged (it needs two or more different classes); export the run again")
    if not manifest.folds:
        raise UserError(f"{folder / NAME} is damaged (it has no fold); export the run again")
    for fold in manifest.folds:
        if len(fold.shift) != count:
            raise UserError(
                f"{folder / NAME} is damaged (fold {fold.number} has a shift of {len(fold.shift)} values for {count} "
                "classes); export the run again"
            )


def _check_files(folder: Path, manifest: Manifest) -> None:
    if strange := [name for name in manifest.files if not name or Path(name).name != name]:
        raise UserError(f"{folder / NAME} names {strange[0]!r}, which is outside its folder; export the run again")
    others = SUFFIXES[manifest.kind][1:]
    weights = [fold.weights for fold in manifest.folds]
    for name in (
        *weights,
        *(str(Path(name).with_suffix(suffix)) for name in weights if name for suffix in others),
        REFERENCE,
    ):
        if name not in manifest.files:
            raise UserError(f"{folder / NAME} is damaged (it has no checksum of {name}); export the run again")
    for name, expected in manifest.files.items():
        try:
            actual = checksums([folder / name])[name]
        except OSError as error:
            raise UserError(f"cannot read {folder / name}: {error.strerror}; export the run again") from None
        if actual != expected:
            raise UserError(f"{folder / name} has been changed since it was exported; export the run again")
