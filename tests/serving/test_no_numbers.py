"""A served model whose networks give no numbers: no category is answered, neither as JSON nor on the page."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from starlette.testclient import TestClient

from birads_zoo.artifact.manifest import checksums
from birads_zoo.artifact.model import open_model
from birads_zoo.serving.app import build_app


@pytest.fixture
def overflowing(exported, tmp_path, edited, opened):
    """The model with weights that are finite, and so large that its networks give NaN."""
    model = shutil.copytree(exported, tmp_path / "model")
    for path in model.glob("fold-*.safetensors"):
        weights = safetensors.numpy.load_file(path)
        path.write_bytes(safetensors.numpy.save({name: _largest(values) for name, values in weights.items()}))
    with edited(model / "manifest.json") as values:
        values["files"] |= checksums(model.glob("fold-*.safetensors"))
    return open_model(model, opened.host, "cpu")


def _largest(values: np.ndarray) -> np.ndarray:
    """Return the largest numbers with these signs; whole numbers, such as a count of batches, stay as they are."""
    return np.copysign(np.finfo(values.dtype).max, values) if values.dtype.kind == "f" else values


@pytest.mark.parametrize("route", ["/predict", "/predict?heat_map=true", "/show"])
def test_a_model_that_gives_no_numbers_answers_422_over_http(queue, local, overflowing, mammogram, left_in, route):
    with TestClient(build_app(replace(queue, model=overflowing), local)) as client:
        response = client.post(route, content=mammogram)
    assert response.status_code == 422
    assert "2 networks give infinite or NaN values" in response.text
    assert "BI-RADS" not in response.text
    assert left_in(queue.folder) == []


def test_the_same_picture_is_answered_by_the_model_itself(served, mammogram):
    response = served.client.post("/predict", content=mammogram)
    assert response.status_code == 200
    assert "BI-RADS" in json.dumps(response.json())
