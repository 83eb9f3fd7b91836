"""Fixtures for the tests of exported models: the session's exported run, opened, and pictures unlike mammograms."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_image

from birads_zoo.artifact.export import export
from birads_zoo.artifact.model import open_model
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.registry import load_registry
from birads_zoo.runs.finished import prepare_again, read_run


@pytest.fixture(scope="session")
def host():
    return load_host()


@pytest.fixture(scope="session")
def export_run(host):
    """Export a run: `export_run(run, kind, out)` → the manifest."""

    def make(run, kind, out, precision="float32"):
        if kind == "onnx" and torch.__version__ < "2.7":
            pytest.skip("ONNX needs PyTorch 2.7")
        return export(run, kind, out, host, load_registry(), "cpu", Screen(), precision=precision)

    return make


@pytest.fixture(scope="session")
def model(exported, host):
    return open_model(exported, host, "cpu")


@pytest.fixture
def calibrated_by(model):
    """The model with other temperatures for its folds: `calibrated_by(1.5, None)`."""

    def make(*temperatures):
        folds = tuple(
            msgspec.structs.replace(fold, temperature=temperature)
            for fold, temperature in zip(model.manifest.folds, temperatures, strict=True)
        )
        return replace(model, manifest=msgspec.structs.replace(model.manifest, folds=folds))

    return make


@pytest.fixture(scope="session")
def run(finished, host):
    return read_run(finished[0], host)


@pytest.fixture(scope="session")
def data(run, host):
    return prepare_again(run, host, Screen())


@pytest.fixture(scope="session")
def paths(data):
    """The run's pictures, in the order of its rows."""
    return [data.labelled.index.root / name for name in data.labelled.index.rows["image_path"]]


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    """Pictures, by name, that are not mammograms: photographs, noise and a page of text, as large as the phantom's."""
    folder = tmp_path_factory.mktemp("strangers")
    noise = np.random.default_rng(0).integers(0, 256, (128, 96), dtype=np.uint8)
    page = Image.new("L", (96, 128), 255)
    pen = ImageDraw.Draw(page)
    for line in range(0, 128, 12):
        pen.text((2, line), "no mammogram at all", fill=0)
    pictures = {"noise": Image.fromarray(noise), "page": page}
    for name in ("china", "flower"):
        pictures[name] = Image.fromarray(load_sample_image(f"{name}.jpg")).convert("L").resize((96, 128))
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in pictures}
