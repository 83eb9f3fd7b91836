"""What is exported is the trainer's network with its preprocessing, whole and checked, and gives nobody away."""

import json
import shutil
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from PIL import Image

from birads_zoo.artifact import export as room
from birads_zoo.artifact.agreement import TOLERANCE, check_pixels, largest_difference
from birads_zoo.artifact.manifest import HeatMaps, read_manifest
from birads_zoo.artifact.model import Model, open_model
from birads_zoo.artifact.networks import ExportedNetwork, open_onnx, open_own_program, save_network
from birads_zoo.artifact.reading import read
from birads_zoo.artifact.samples import Sample
from birads_zoo.data.batches import as_images
from birads_zoo.data.index.view_names import count_views
from birads_zoo.data.store.pixels import build_store
from birads_zoo.devices import choose_compute
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.explanation.files import COLUMNS, write_explanations
from birads_zoo.model.build import build_classifier
from birads_zoo.recipe import ImageSection, Recipe
from birads_zoo.runs.finished import read_run, trained_classifier

CPU = choose_compute("cpu", "float32")
PLAIN = {"model.backbone": "baseline_cnn", "model.pretrained": False, "image.height": 48, "image.width": 32}
TWO_VIEWS = {"dataset.views": "bilateral", "model.fusion": "difference", "model.evidence": True, "model.pooling": "max"}
FOUR_VIEWS = {"dataset.views": "exam", "dataset.level": "patient", "model.fusion": "attention"}


def test_the_folder_is_whole_and_its_manifest_says_what_it_takes(exported, run, data):
    manifest = read_manifest(exported)
    names = {path.name for path in exported.iterdir()}
    weights = {"fold-0.safetensors", "fold-1.safetensors"}
    assert names == {"manifest.json", "model_card.md", "reference.safetensors"} | weights
    assert set(manifest.files) == names - {"manifest.json"}
    assert manifest.preprocessing.image == run.recipe.image
    assert manifest.classes == run.classes
    assert manifest.ordinal
    assert "MIT" in manifest.licences[0]
    assert len(manifest.folds) == len(data.folds)


def test_no_path_patient_or_file_name_is_in_any_file(exported, data):
    rows = data.labelled.index.rows
    told = {str(data.labelled.index.root), *rows["patient_id"], *rows["image_path"]}
    for path in exported.iterdir():
        content = path.read_bytes()
        assert not [text for text in told if text.encode() in content], path.name


def test_an_exported_program_tells_what_the_trainers_network_tells(finished, export_run, run, data, host, tmp_path):
    export_run(finished[0], "exported-program", tmp_path / "model")
    program = open_own_program(tmp_path / "model" / read_manifest(tmp_path / "model").folds[1].weights)
    trainers = ExportedNetwork(trained_classifier(run, host, 1, CPU), own=1).eval()
    assert largest_difference(program, trainers, data, np.arange(len(data.labelled.labels))) <= TOLERANCE


def test_onnx_predicts_what_safetensors_do_but_explains_nothing(finished, export_run, model, host, paths, tmp_path):
    export_run(finished[0], "onnx", tmp_path / "model")
    graph = open_model(tmp_path / "model", host, "cpu")
    for one, other in zip(graph.predict(paths[:9], batch_size=4), model.predict(paths[:9]), strict=True):
        np.testing.assert_allclose(list(one.probabilities.values()), list(other.probabilities.values()), atol=1e-4)
        assert one.conformal_set == other.conformal_set
        assert one.distance == pytest.approx(other.distance, rel=1e-3)
    with pytest.raises(UserError, match="heat maps need gradients, which onnx has not; export as safetensors"):
        graph.explain(Sample(source="", pictures=(paths[0],)), "BI-RADS 4")


@pytest.mark.parametrize("kind", ["onnx", "exported-program"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(PLAIN | TWO_VIEWS, id="two views, evidence of places"),
        pytest.param(PLAIN | FOUR_VIEWS, id="four views, attention"),
        pytest.param(PLAIN | FOUR_VIEWS | {"model.fusion": "concat"}, id="four views in a row", marks=pytest.mark.slow),
        pytest.param(PLAIN | FOUR_VIEWS | {"model.fusion": "max"}, id="most of four views", marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "mobilenet_v2", "model.pooling": "gem"}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "resnet50", "model.hidden": 8}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "swin_t"}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "vit_b_16"}, marks=pytest.mark.slow),
    ],
)
def test_other_networks_export_for_batches_of_any_size(kind, changes, host, tmp_path):
    recipe = Recipe().replace(changes)
    torch.manual_seed(0)
    classifier = build_classifier(recipe, host, 4).eval()
    views, own = count_views(recipe.dataset.views), 4 if recipe.dataset.level == "patient" else 1
    judge = ExportedNetwork(classifier, own)
    save_network(kind, judge, recipe, tmp_path / "network")
    network = open_onnx(tmp_path / "network", CPU) if kind == "onnx" else open_own_program(tmp_path / "network")
    for count in (1, 3):
        images, present = torch.rand(count, views, 1, 48, 32), torch.ones(count, views, dtype=torch.bool)
        for absent in (None, 1, views - 1):
            if absent is not None and views > 1:
                present[0, absent] = False
            with torch.inference_mode():
                for told, wanted in zip(network(images, present), judge(images, present), strict=True):
                    torch.testing.assert_close(told, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "pooled"),
    [
        ({"model.pooling": "max"}, lambda maps: maps.amax((-2, -1))),
        ({"model.pooling": "avg"}, lambda maps: maps.mean((-2, -1))),
        ({"model.pooling": "flatten"}, lambda maps: maps.mean((-2, -1))),
        (TWO_VIEWS, lambda maps: maps.mean((-2, -1))),
    ],
    ids=["max", "avg", "flatten", "evidence"],
)
def test_features_are_those_that_the_head_pools_of_the_own_picture(changes, pooled, host):
    classifier = build_classifier(Recipe().replace(PLAIN | changes), host, 4).eval()
    images = torch.rand(2, 2 if "dataset.views" in changes else 1, 1, 48, 32)
    with torch.inference_mode():
        own = pooled(classifier.features(images)[:, 0])
        torch.testing.assert_close(ExportedNetwork(classifier, own=1).eval()(images)[2], own)


def test_features_of_an_exam_are_the_mean_over_the_pictures_that_are_there(host):
    classifier = build_classifier(Recipe().replace(PLAIN | FOUR_VIEWS), host, 4).eval()
    images, present = torch.rand(2, 4, 1, 48, 32), torch.tensor([[True] * 4, [False, True, False, True]])
    with torch.inference_mode():
        each = classifier.head.pool(classifier.features(images))
        told = ExportedNetwork(classifier, own=4).eval()(images, present)[2]
    torch.testing.assert_close(told, torch.stack([each[0].mean(0), each[1, [1, 3]].mean(0)]))


def test_a_network_that_disagrees_is_one_sentence_and_leaves_nothing(finished, export_run, tmp_path, monkeypatch):
    def spoil(kind, judge, recipe, path):
        altered = {name: value + 0.01 for name, value in judge.classifier.state_dict().items()}
        path.write_bytes(safetensors.torch.save(altered))

    monkeypatch.setattr(room, "save_network", spoil)
    with pytest.raises(UserError, match=r"exported as safetensors disagrees with the trainer's by .* more than 0.0001"):
        export_run(finished[0], "safetensors", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_artifact_prepares_a_file_as_the_pixel_store_did(model, data, paths):
    for row, path in enumerate(paths):
        ready = read(Sample(source="", pictures=(path,)), model.manifest.preprocessing)
        np.testing.assert_array_equal(ready.pixels[0], data.store.array[data.positions[row]])


def test_the_neutral_geometry_takes_its_common_detail_along(model, data, tmp_path):
    section = ImageSection(height=64, width=48, neutral=True)
    store, _ = build_store(data.labelled.index, section, tmp_path)
    again, _ = build_store(data.labelled.index, section, tmp_path)
    assert store.detail == again.detail
    assert 0.5 <= store.detail < 1
    own = msgspec.structs.replace(model.manifest.preprocessing, image=section, detail=store.detail)
    for row in (0, 7, 20):
        path = data.labelled.index.root / data.labelled.index.rows["image_path"].iloc[row]
        ready = read(Sample(source="", pictures=(path,)), own)
        np.testing.assert_array_equal(ready.pixels[0], store.array[row])
    blurred = msgspec.structs.replace(own, detail=1.0)
    assert (read(Sample(source="", pictures=(path,)), blurred).pixels[0] != store.array[20]).any()


def test_pictures_of_few_bits_are_read_alike_from_files_and_arrays(model, tmp_path):
    twelve = np.tile(np.where(np.arange(60) < 40, 4095 - 50 * np.arange(60), 0), (80, 1)).astype(np.uint16)
    Image.fromarray(twelve).save(tmp_path / "a.png")
    said = msgspec.structs.replace(model.manifest.preprocessing.image, bits=12)
    own = msgspec.structs.replace(model.manifest.preprocessing, image=said)
    file, array = (read(Sample(source="", pictures=(one,)), own).pixels for one in (tmp_path / "a.png", twelve))
    np.testing.assert_array_equal(file, array)
    assert file.max() > 50_000


def test_other_pixels_than_the_stores_are_refused(model, data):
    turned = msgspec.structs.replace(model.manifest.preprocessing.image, orient=False)
    other = msgspec.structs.replace(model.manifest.preprocessing, image=turned)
    with pytest.raises(UserError, match="is prepared differently than in the run's pixel store"):
        check_pixels(other, data, np.arange(len(data.labelled.labels)))


def test_one_grey_level_from_the_store_is_told_and_two_are_refused(model, data):
    rows = np.arange(len(data.labelled.labels))

    def changed_by(levels):
        array = np.array(data.store.array)
        picture = array[data.positions[3]]
        picture[picture > 20] -= np.uint8(levels)
        return replace(data, store=replace(data.store, array=array))

    check_pixels(model.manifest.preprocessing, data, rows)
    with pytest.warns(BiradsZooWarning, match=f"^1 of {len(rows)} pictures differ by one grey level of 255 from"):
        check_pixels(model.manifest.preprocessing, changed_by(1), rows)
    with pytest.raises(UserError, match="is prepared differently than in the run's pixel store"):
        check_pixels(model.manifest.preprocessing, changed_by(2), rows)


def test_a_prediction_is_the_mean_of_the_folds_networks(model, run, data, host, paths):
    images = as_images(data.store.array[data.samples[:6].pictures], CPU.device)
    with torch.inference_mode():
        each = [trained_classifier(run, host, fold.number, CPU)(images).double().softmax(1) for fold in data.folds]
    wanted = torch.stack(each).mean(0).numpy()
    for one, row in zip(model.predict(paths[:6]), wanted, strict=True):
        np.testing.assert_allclose(list(one.probabilities.values()), row, atol=1e-6)
        assert one.predicted == model.classes[int(row.argmax())]


@pytest.mark.slow
def test_calibration_and_sets_are_those_of_the_run(zoo, export_run, host, tmp_path):
    """Judged by one fold's network alone, its test rows get what predictions.csv says of them."""
    zoo("phantom", "--patients", 44, "--size", "64x48", "--out", tmp_path / "root")
    small = [
        "--image-size",
        "32x32",
        "--epochs",
        "3",
        "--folds",
        "2",
        "--device",
        "cpu",
        "--set",
        "split.validation=0.7",
    ]
    net = ["--backbone", "baseline_cnn", "--set", "training.precision=float32", "--set", "training.sampler=balanced"]
    said = zoo("run", "--dataset", "phantom", "--root", tmp_path / "root", *net, *small, "--out", tmp_path / "runs")
    assert said.status == 0, said.err
    export_run(tmp_path / "runs" / "baseline_cnn", "safetensors", tmp_path / "model")
    whole = open_model(tmp_path / "model", host, "cpu")
    assert all(fold.temperature and fold.threshold for fold in whole.manifest.folds)
    rows = read_run(tmp_path / "runs" / "baseline_cnn", host).test
    for number, fold in enumerate(whole.manifest.folds):
        alone = msgspec.structs.replace(whole.manifest, folds=(fold,))
        part = Model(
            manifest=alone,
            networks=whole.networks[number : number + 1],
            classifiers=(),
            references=whole.references[number : number + 1],
            compute=whole.compute,
            host=host,
        )
        own = rows[rows["fold"] == number]
        told = part.predict([tmp_path / "root" / path for path in own["image_path"]])
        for name in whole.classes:
            np.testing.assert_allclose([one.calibrated[name] for one in told], own[f"calibrated_{name}"], atol=1e-5)
            held = own[f"set_{name}"].astype(bool)  # a score may fall on the other side of the threshold by rounding
            assert np.mean([name in one.conformal_set for one in told] == held) > 0.98


def test_what_was_found_of_the_heat_maps_goes_along(exported, finished, run, export_run, made_explanations, tmp_path):
    untested = read_manifest(exported)
    assert untested.heat_maps == HeatMaps(faithful=None, verdict="nobody has tested these maps")
    assert f"| Heat maps | {run.recipe.explainer.name}; nobody has tested" in (exported / "model_card.md").read_text()
    copied = shutil.copytree(finished[0], tmp_path / "run")
    (copied / "explanations").mkdir()
    judged = {"faithful": False, "verdict": "does not beat its baselines: no gain shown in road over centre"}
    found = made_explanations({"another": {"verdict": "beats"}, run.recipe.explainer.name: judged})
    write_explanations(copied / "explanations", pd.DataFrame(columns=list(COLUMNS)), found)
    told = export_run(copied, "safetensors", tmp_path / "model")
    assert told.heat_maps == HeatMaps(**judged) == read_manifest(tmp_path / "model").heat_maps
    assert (
        f"| Heat maps | {run.recipe.explainer.name}; does not beat"
        in (tmp_path / "model" / "model_card.md").read_text()
    )


def test_the_losss_rule_goes_along(exported):
    manifest = read_manifest(exported)
    assert (manifest.outputs.logits, manifest.outputs.rule) == (4, "the softmax of one logit per class")
    row = "| Loss | cross-entropy; probabilities: the softmax of one logit per class |"
    assert row in (exported / "model_card.md").read_text()


def test_an_export_does_not_overwrite(exported, finished, export_run):
    with pytest.raises(UserError, match="exists already; remove it"):
        export_run(finished[0], "safetensors", exported)


def test_what_onnx_needs_is_named(finished, export_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        UserError, match=r"needs the package onnxscript: install it with pip install 'birads-zoo\[onnx\]'"
    ):
        export_run(finished[0], "onnx", tmp_path / "model")


def test_the_manifest_is_the_same_every_time(exported, finished, export_run, tmp_path):
    export_run(finished[0], "safetensors", tmp_path / "model")
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in (exported, tmp_path / "model"))
    assert first == second
