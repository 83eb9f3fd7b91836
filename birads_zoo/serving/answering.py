"""From pictures' bytes to what the model says of them. Nothing of a picture outlives its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from birads_zoo.artifact.model import Model
from birads_zoo.artifact.samples import Sample
from birads_zoo.data.decoding.images import is_dicom, open_image
from birads_zoo.data.decoding.orientation import upright_size
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.picture import ImageError
from birads_zoo.data.placement.preparation import geometry
from birads_zoo.data.store.pixels import read_and_place
from birads_zoo.errors import UserError
from birads_zoo.serving.drawing import laid_over, shown
from birads_zoo.serving.uploads import Given, Upload, give, sample_of

_PLACES = 8  # requests that may be in memory at once: the one that is judged, those that wait and those that come in


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a picture may be at most: so many megabytes (10⁶ bytes) as a file, so many megapixels by its header."""

    megabytes: int = 64
    megapixels: int = 64

    @property
    def bytes(self) -> int:
        """The largest file in bytes."""
        return self.megabytes * 1_000_000


class RefusedError(Exception):
    """A picture that gets no answer. `status` is HTTP's; the text says to a person why, and names no file."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model says of one picture, breast or exam; dictionaries are by class, in the classes' order.

    `probabilities` are the networks' own and `calibrated` those recalibrated on validation patients, means over the
    folds; `calibrated_folds` of the `folds` had enough of these patients, and where none had, `calibrated` is empty.
    `predicted` is the class of the largest of `probabilities`. `conformal_set` holds the classes that more than half of
    the folds' sets hold, each made to hold the true one for the share `conformal_level` of new patients like those of
    the training; of several folds' vote no more than 2 × `conformal_level` − 1 is guaranteed. `similar` are the
    classes' shares among the nearest training cases, and `distance` is how far these are: 1 is the median of held-out
    cases, null is unknown. `warnings` are reasons to believe none of this. `views` are those of the model's views that
    were given, and `view_weights` says by view how much each counted, where the model weighs them.

    `picture` is the picture as given, at most 1024 pixels a side, and `heat_map`, of the same size, where in it the
    evidence for `predicted` lies, transparent where there is none: PNG files in base64. Of a breast or an exam they
    show the pictures that were given side by side, in the order of `views`. Both are null unless asked for, and
    `heat_map` is null where the export has no gradients (onnx).
    """

    notice: str
    model: str
    predicted: str
    probabilities: dict[str, float]
    calibrated: dict[str, float]
    calibrated_folds: int
    folds: int
    conformal_set: tuple[str, ...]
    conformal_level: float
    similar: dict[str, float]
    distance: float | None
    warnings: tuple[str, ...]
    views: tuple[str, ...]
    view_weights: dict[str, float]
    picture: str | None
    heat_map: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class RequestQueue:
    """A model that answers one request at a time, in `folder`, while a few more wait or come in, each on a seat."""

    model: Model
    limits: Limits
    folder: Path
    turn: threading.Lock = field(default_factory=threading.Lock)
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_PLACES))

    def __post_init__(self) -> None:
        if self.model.classifiers:
            self.model.host.explainer(self.model.manifest.recipe.explainer.name)  # one that is not here is told of now


@contextmanager
def place_in_queue(queue: RequestQueue) -> Iterator[None]:
    """Hold a seat for a request: to be taken before any of its bytes is read, and kept until it is answered.

    Raises:
        RefusedError: when all are taken (503).

    """
    if not queue.places.acquire(blocking=False):
        raise RefusedError(503, "too many pictures are waiting; try again in a moment")
    try:
        yield
    finally:
        queue.places.release()


def answer(queue: RequestQueue, uploads: Sequence[Upload], *, drawn: bool) -> Answer:
    """Say what the model sees in the pictures of one request; `drawn` asks for its pictures too.

    Raises:
        RefusedError: for a file that is empty, too large, no picture, or one that does not decode, and for pictures
            that make no sample of the model (4xx).

    """
    for upload in uploads:
        if not upload.content:
            raise RefusedError(422, "the file is empty; give a picture")
        if len(upload.content) > queue.limits.bytes:
            raise too_large(queue.limits)
    with queue.turn, TemporaryDirectory(dir=queue.folder) as folder:
        given = [_given(queue, Path(folder) / str(number), upload) for number, upload in enumerate(uploads)]
        return _answer(queue, given, drawn)


def too_large(limits: Limits) -> RefusedError:
    """Build the refusal of a file with too many bytes."""
    return RefusedError(413, f"the file is larger than {limits.megabytes} megabytes, the most that is taken here")


def _given(queue: RequestQueue, path: Path, upload: Upload) -> Given:
    path.write_bytes(upload.content)  # its format is told by its content, and its own name stays outside
    _check_area(path, queue.limits)
    with _refusing():
        return give(path, upload.field)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what is wrong with a request's pictures into a refusal."""
    try:
        yield
    except UserError as error:
        raise RefusedError(422, str(error)) from None


def _answer(queue: RequestQueue, given: Sequence[Given], drawn: bool) -> Answer:
    model = queue.model
    with _refusing():
        sample = sample_of(model, given)
    (prediction,) = model.predict_prepared(model.read([sample]))
    if prediction.error:
        said = prediction.error
        for one in given:
            said = said.replace(str(one.path), one.name)
        which = next(one.name for one in given if str(one.path) == prediction.source)
        raise RefusedError(422, f"{which if len(given) > 1 else 'this picture'} cannot be used: {said}")
    picture, heat_map = _drawn(model, sample, prediction.predicted) if drawn else (None, None)
    names = zip(model.manifest.view_names, sample.pictures, strict=True)
    return Answer(
        notice=model.notice,
        model=model.manifest.run_id,
        predicted=prediction.predicted,
        probabilities=prediction.probabilities,
        calibrated=prediction.calibrated,
        calibrated_folds=model.manifest.calibrated_folds,
        folds=len(model.manifest.folds),
        conformal_set=prediction.conformal_set,
        conformal_level=model.manifest.recipe.evaluation.conformal_level,
        similar=prediction.similar,
        distance=prediction.distance,
        warnings=prediction.warnings,
        views=tuple(name for name, one in names if one is not None),
        view_weights=prediction.view_weights,
        picture=picture,
        heat_map=heat_map,
    )


def _drawn(model: Model, sample: Sample, label: str) -> tuple[str, str | None]:
    """Return the PNG files of a sample's own pictures, side by side, and of their heat maps for class `label`."""
    own = [(place, path) for place, path in enumerate(sample.pictures[: sample.own]) if isinstance(path, Path)]
    shapes, picture = shown([path for _, path in own])
    if not model.classifiers:
        return picture, None
    heats = np.split(model.explain(sample, label).heat, sample.own, axis=1)
    how = model.manifest.preprocessing
    placed = [read_and_place(path, how.image, geometry(how.image, how.detail)) for _, path in own]
    return picture, laid_over([heats[place] for place, _ in own], placed, shapes)


def _check_area(path: Path, limits: Limits) -> None:
    """Refuse a picture of too many pixels by its header. One that has none is told what is wrong when it is read."""
    try:
        if is_dicom(path):
            header = read_header(path)
            width, height = header.columns, header.rows
        else:
            with open_image(path) as image:
                width, height = upright_size(image)
    except ImageError:
        return
    if width * height > limits.megapixels * 1_000_000:
        raise RefusedError(
            413, f"the picture has {width}×{height} pixels; {limits.megapixels} megapixels are the most taken here"
        )
