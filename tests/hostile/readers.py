"""The readers that a user's files reach, each as a function of a path. They return, or raise a reason."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


class RefusedError(Exception):
    """A reason that a reader returned."""


@cache
def host():
    from birads_zoo.plugin.host import load_host

    return load_host()


@cache
def classifier():
    from birads_zoo.model.build import build_classifier
    from birads_zoo.recipe import from_dict

    recipe = from_dict({"model": {"backbone": "baseline_cnn", "pretrained": False}}, "tests")
    return build_classifier(recipe, host(), 4)


def _all(*steps: Callable[[], object]) -> None:
    """Call every step, and then raise the first error of those that users may get."""
    from birads_zoo.data.picture import ImageError
    from birads_zoo.errors import UserError

    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except (ImageError, UserError, RefusedError) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def picture(path: Path) -> None:
    """Read a picture as `predict` and a pixel store do, and its header as data sets do."""
    from birads_zoo.artifact.manifest import Preprocessing
    from birads_zoo.artifact.reading import read
    from birads_zoo.artifact.samples import Sample
    from birads_zoo.data.decoding.images import is_deep
    from birads_zoo.dicom import is_dicom, read_facts, read_size
    from birads_zoo.recipe import ImageSection
    from birads_zoo_plugins.datasets.public._shared.sizes import size_of

    image = ImageSection(height=64, width=48)
    preprocessing = Preprocessing(image=image, detail=None, bits=16, pixel_mean=(0.5,), pixel_std=(0.2,))

    def predict() -> None:
        if error := getattr(read(Sample(source="a", pictures=(path,)), preprocessing), "error", ""):
            raise RefusedError(error)

    dicom = path.suffix == ".dcm"
    _all(predict, lambda: is_deep(path), lambda: size_of(path), lambda: is_dicom(path) and dicom and read_facts(path),
         lambda: dicom and read_size(path))  # fmt: skip


def table(path: Path) -> None:
    """Read a table as data sets do, and as `predict` does."""
    from birads_zoo.artifact.rows import named_pictures
    from birads_zoo_plugins.datasets._reading.tables import read_sheets

    _all(lambda: list(read_sheets(path)), lambda: named_pictures([path]))


def dataset(path: Path) -> None:
    """Load the data set `csv` in the file's folder, check its files, and read the table as `predict` does."""
    from birads_zoo.artifact.reading import samples_of
    from birads_zoo.artifact.rows import named_pictures
    from birads_zoo.data.index.audit import check_files, check_rows
    from birads_zoo.data.index.load import load_index
    from birads_zoo.recipe import DatasetSection

    section = DatasetSection(name="csv", root=str(path.parent), options={"table": path.name})
    _all(lambda: check_files(check_rows(load_index(section, host()))),
         lambda: list(samples_of(named_pictures([path]), "exam", "patient")))  # fmt: skip


def recipe(path: Path) -> None:
    from birads_zoo.recipes.compose import compose
    from birads_zoo.recipes.registry import packaged_registry

    compose(path, {}, [], packaged_registry(), host())


def registry(path: Path) -> None:
    from birads_zoo.recipes.registry import load_registry

    load_registry(path.parent)


def document(kind: str, path: Path) -> None:
    from birads_zoo.artifact.manifest import Manifest
    from birads_zoo.files import documents
    from birads_zoo.results.cost import Cost
    from birads_zoo.results.environment import Environment
    from birads_zoo.results.explanations import Explanations
    from birads_zoo.results.metrics import RunMetrics
    from birads_zoo.results.stopped import Stopped

    types: dict[str, Any] = {t.__name__: t for t in (Manifest, Cost, Environment, Explanations, RunMetrics, Stopped)}
    documents.read(path, types[kind], "make it again")


def weights(path: Path) -> None:
    from birads_zoo.model.weights import load_weights

    load_weights(classifier().backbone, path)


def checkpoint(path: Path) -> None:
    """Read a checkpoint whatever recipe it is of."""
    from birads_zoo.files.tensors import read_tensors
    from birads_zoo.training import checkpoint as checkpoints

    _, header = read_tensors(path, checkpoints._Header, "the checkpoint", "train again")
    checkpoints.load_best(path, classifier(), header.origin, len(header.history))


def model(path: Path) -> None:
    """Open an exported model and predict a picture."""
    from birads_zoo.artifact.model import open_model

    opened = open_model(path, host(), "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (96, 64)).astype(np.uint8)
    _raise_error(opened.predict([pixels])[0])


def _raise_error(prediction: Any) -> None:
    if prediction.error:
        raise RefusedError(prediction.error)


def run(path: Path) -> None:
    """Open a finished run, its first network and its explanations."""
    from birads_zoo.devices import choose_compute
    from birads_zoo.explanation.files import read_explanations
    from birads_zoo.runs.finished import read_run, trained_classifier

    finished = read_run(path, host())
    trained_classifier(finished, host(), 0, choose_compute("cpu", "float32"))
    if explained := read_explanations(path):
        for name in explained.explanations.explainers:
            explained.maps(name)


READERS: dict[str, Callable[[Path], None]] = {
    function.__name__: function
    for function in (picture, table, dataset, recipe, registry, weights, checkpoint, model, run)
}


def read(reader: str, path: Path) -> None:
    """Read a path with the reader of this name, such as "picture" or "document Cost"."""
    name, _, kind = reader.partition(" ")
    if kind:
        document(kind, path)
    else:
        READERS[name](path)
