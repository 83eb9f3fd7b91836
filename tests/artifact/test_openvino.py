"""A model for OpenVINO predicts like the trainer's network, and its files cannot make OpenVINO read others."""

import shutil
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from birads_zoo.artifact.manifest import read_manifest
from birads_zoo.artifact.model import open_model
from birads_zoo.artifact.networks.runtimes import open_openvino
from birads_zoo.artifact.samples import Sample
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError

CPU = choose_compute("cpu", "float32")


@pytest.fixture(scope="module")
def folder(finished, export_run, tmp_path_factory):
    """The run's model for OpenVINO. Read-only by agreement."""
    if find_spec("openvino") is None:  # importing it here would let it report itself
        pytest.skip("openvino is not installed (make install)")
    out = tmp_path_factory.mktemp("openvino") / "model"
    export_run(finished[0], "openvino", out)
    return out


@pytest.fixture
def copied(folder, tmp_path):
    """A copy, which may be changed."""
    return shutil.copytree(folder, tmp_path / "model")


def test_it_predicts_like_safetensors_but_cannot_explain(folder, model, host, paths):
    graph = open_model(folder, host, "auto")
    assert graph.compute.device.type == "cpu"
    for prediction, expected in zip(graph.predict(paths[:9], batch_size=4), model.predict(paths[:9]), strict=True):
        values = list(expected.probabilities.values())
        np.testing.assert_allclose(list(prediction.probabilities.values()), values, atol=1e-4)
        assert prediction.conformal_set == expected.conformal_set
        assert prediction.distance == pytest.approx(expected.distance, rel=1e-3)
    with pytest.raises(UserError, match="heat maps need gradients, which openvino does not have; export the run"):
        graph.explain(Sample(source="", pictures=(paths[0],)), "BI-RADS 4")


def test_the_manifest_has_both_files_of_each_network(folder):
    manifest = read_manifest(folder)
    networks = {"fold-0.xml", "fold-0.bin", "fold-1.xml", "fold-1.bin"}
    assert {*manifest.files} == networks | {"reference.safetensors", "model_card.md"}
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "manifest.json"}
    assert 0 < manifest.agreement.probability <= manifest.agreement.tolerance


@pytest.mark.parametrize("name", ["fold-1.xml", "fold-1.bin"])
def test_a_file_without_a_checksum_is_not_opened(copied, edited, name):
    with edited(copied / "manifest.json") as values:
        del values["files"][name]
    with pytest.raises(UserError, match=f"is damaged .it has no checksum of {name}"):
        read_manifest(copied)


def test_another_device_is_refused(folder, host):
    with pytest.raises(UserError, match="a model of the format openvino predicts on the CPU; give --device cpu"):
        open_model(folder, host, "cuda")


def test_the_package_is_named_where_it_is_missing(folder, host, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r"needs the package openvino: .* pip install 'birads-zoo\[openvino\]'"):
        open_model(folder, host, "cpu")


@pytest.mark.parametrize("spoil", ["empty", "text", "cut", "noise", "no weights", "half of the weights"])
def test_damaged_files_are_refused(copied, spoil):
    graph, weights = copied / "fold-0.xml", copied / "fold-0.bin"
    content = graph.read_bytes()
    changed = {
        "empty": b"",
        "text": b"hello",
        "cut": content[: len(content) // 2],
        "noise": b"<?xml" + bytes(range(256)),
    }
    graph.write_bytes(changed.get(spoil, content))
    weights.write_bytes(weights.read_bytes()[: {"no weights": 0, "half of the weights": 500}.get(spoil)])
    with pytest.raises(
        UserError, match=r"(OpenVINO cannot open .*fold-0.xml|is no graph of OpenVINO).*; export the run"
    ):
        open_openvino(graph, CPU)


def test_an_onnx_graph_in_its_place_is_refused_because_it_could_name_any_file(copied, tmp_path):
    from hostile.networks import network

    model = network(4, 8)
    (tmp_path / "secret").write_bytes(np.ones(4, np.float32).tobytes())
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = 1  # in another file
    entry = weights.external_data.add()
    entry.key, entry.value = "location", str(tmp_path / "secret")
    (copied / "fold-0.xml").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="is no graph of OpenVINO"):
        open_openvino(copied / "fold-0.xml", CPU)


def test_outputs_of_one_batch_do_not_change_with_the_next(folder):
    network = open_openvino(folder / "fold-0.xml", CPU)
    height, width = read_manifest(folder).preprocessing.image.height, read_manifest(folder).preprocessing.image.width
    images, present = torch.rand(2, 3, 1, 1, height, width), torch.ones(3, 1, dtype=torch.bool)
    first = network(images[0], present)
    kept = [values.clone() for values in first]
    network(images[1], present)
    assert all(map(torch.equal, first, kept))
