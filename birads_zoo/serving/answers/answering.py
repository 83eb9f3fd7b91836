"""Answers a request: from the bytes of pictures to the model's prediction. Pictures are deleted after the answer."""

from __future__ import annotations

import os
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
from birads_zoo.serving.answers.batching import Batcher
from birads_zoo.serving.answers.drawing import draw_heat_maps, draw_pictures
from birads_zoo.serving.answers.uploads import SavedPicture, Upload, identify_picture, sample_of
from birads_zoo.serving.line import PLACES, Line
from birads_zoo.serving.refusals import RefusedError

_DECODERS = min(os.cpu_count() or 1, 4)  # pictures decoded at once: each may take ten times the memory of its pixels


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest picture: its file in megabytes (10⁶ bytes), and its size in megapixels by its header."""

    megabytes: int = 64
    megapixels: int = 64

    @property
    def bytes(self) -> int:
        """The largest file in bytes."""
        return self.megabytes * 1_000_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The model's answer for one picture, breast or exam. Dictionaries are by class, in the order of the classes.

    `probabilities` are those of the networks and `calibrated` those recalibrated on validation patients, both as means
    over the folds. `calibrated_folds` of the `folds` had enough validation patients; if none had, `calibrated` is
    empty. `predicted` is the class with the largest of `probabilities`. `conformal_set` holds the classes that are in
    more than half of the folds' sets. Each fold's set is built to hold the true class for the share `conformal_level`
    of new patients like those in the training data; the vote of several folds guarantees only 2 × `conformal_level` −
    1. `similar` is each class's share of the nearest training cases. `distance` is how far away these are: 1 is the
    median of held-out cases, null is unknown. `warnings` are reasons to doubt the answer. `views` are the model's views
    that were given. `view_weights` says how much each view counted, if the model weighs them.

    `picture` and `heat_map` are PNG files in base64. `picture` is the picture as given, at most 1024 pixels a side.
    `heat_map` has the same size and shows the evidence for `predicted`; it is transparent where there is none. For a
    breast or an exam they show the given pictures side by side, in the order of `views`. Both are null unless
    requested, and `heat_map` is null if the export has no gradients (onnx).
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
    """A model that answers requests, whose pictures are in `folder` meanwhile; `line` says how many at once.

    A few pictures are decoded at the same time, while the networks predict others, several at once.
    """

    model: Model
    limits: Limits
    folder: Path
    line: Line = field(default_factory=Line)
    decoders: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_DECODERS))
    batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "batcher", Batcher(self.model, most=PLACES))
        if self.model.classifiers:
            self.model.host.explainer(self.model.manifest.recipe.explainer.name)  # fail now if it is not registered


def answer(queue: RequestQueue, uploads: Sequence[Upload], *, draw: bool) -> Answer:
    """Return the model's answer for the pictures of one request; with `draw` the answer has the pictures too.

    Raises:
        RefusedError: for a file that is empty, too large, not a picture or does not decode, and for pictures that do
            not form a sample of the model (4xx).

    """
    for upload in uploads:
        if not upload.content:
            raise RefusedError(422, "the file is empty; give a picture")
        if len(upload.content) > queue.limits.bytes:
            raise too_large(queue.limits)
    with TemporaryDirectory(dir=queue.folder) as folder:
        pictures = [_save(queue, Path(folder) / str(number), upload) for number, upload in enumerate(uploads)]
        return _answer(queue, pictures, draw)


def too_large(limits: Limits) -> RefusedError:
    """Return the error for a file with too many bytes."""
    return RefusedError(413, f"the file is larger than {limits.megabytes} megabytes, the limit of this server")


def _save(queue: RequestQueue, path: Path, upload: Upload) -> SavedPicture:
    path.write_bytes(upload.content)  # the content shows the format; the uploaded file's name is not used
    _check_area(path, queue.limits)
    with _refusing():
        return identify_picture(path, upload.field)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn a user error about a request's pictures, or what the model makes of them, into a refusal."""
    try:
        yield
    except UserError as error:
        raise RefusedError(422, str(error)) from None


def _answer(queue: RequestQueue, pictures: Sequence[SavedPicture], draw: bool) -> Answer:
    model = queue.model
    with _refusing():
        sample = sample_of(model, pictures)
        with queue.decoders:
            (prepared,) = model.read([sample])
        prediction = queue.batcher.predict(prepared)
    if prediction.error:
        reason = prediction.error
        for saved in pictures:
            reason = reason.replace(str(saved.path), saved.name)
        name = next(saved.name for saved in pictures if str(saved.path) == prediction.source)
        raise RefusedError(422, f"{name if len(pictures) > 1 else 'this picture'} cannot be used: {reason}")
    with _refusing():
        picture, heat_map = _draw(queue, sample, prediction.predicted) if draw else (None, None)
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
        views=tuple(name for name, view_picture in names if view_picture is not None),
        view_weights=prediction.view_weights,
        picture=picture,
        heat_map=heat_map,
    )


def _draw(queue: RequestQueue, sample: Sample, label: str) -> tuple[str, str | None]:
    """Return a PNG file of a sample's own pictures, side by side, and one of their heat maps for class `label`."""
    model = queue.model
    own = [(place, path) for place, path in enumerate(sample.pictures[: sample.own]) if isinstance(path, Path)]
    with queue.decoders:
        shapes, picture = draw_pictures([path for _, path in own])
        if not model.classifiers:
            return picture, None
        explanation = queue.batcher.alone(lambda: model.explain(sample, label))
        heats = np.split(explanation.heat, sample.own, axis=1)
        section, detail = model.manifest.preprocessing.image, model.manifest.preprocessing.detail
        placed = [read_and_place(path, section, geometry(section, detail)) for _, path in own]
        return picture, draw_heat_maps([heats[place] for place, _ in own], placed, shapes)


def _check_area(path: Path, limits: Limits) -> None:
    """Refuse a picture with too many pixels by its header. If the header cannot be read, reading will say why."""
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
            413, f"the picture has {width}×{height} pixels; the limit of this server is {limits.megapixels} megapixels"
        )
