"""An export is the trainer's network with its preprocessing, complete and checked, and identifies no patient."""

import json
import os
import shutil
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from PIL import Image

from birads_zoo.artifact import export as export_module
from birads_zoo.artifact.agreement import TOLERANCES, check_network, check_pixels, checked_rows, largest_difference
from birads_zoo.artifact.manifest import HeatMaps, OutputsPart, read_manifest
from birads_zoo.artifact.model import Model, open_model
from birads_zoo.artifact.networks import opening
from birads_zoo.artifact.networks.exported import ExportedNetwork
from birads_zoo.artifact.networks.opening import Blueprint
from birads_zoo.artifact.networks.runtimes import open_onnx, open_own_program
from birads_zoo.artifact.networks.saving import save_network
from birads_zoo.artifact.reading import read
from birads_zoo.artifact.samples import Sample
from birads_zoo.data.batches import as_images
from birads_zoo.data.index.view_names import count_views
from birads_zoo.data.store.pixels import build_store
from birads_zoo.devices import choose_compute
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.explanation.files import COLUMNS, write_explanations
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.build import build_classifier
from birads_zoo.model.folding import fold_norms
from birads_zoo.recipe import ImageSection, Recipe
from birads_zoo.runs.finished import read_run, trained_classifier

CPU = choose_compute("cpu", "float32")
BFLOAT16 = choose_compute("cpu", "bfloat16")
PLAIN = {"model.backbone": "baseline_cnn", "model.pretrained": False, "image.height": 48, "image.width": 32}
TWO_VIEWS = {"dataset.views": "bilateral", "model.fusion": "difference", "model.evidence": True, "model.pooling": "max"}
FOUR_VIEWS = {"dataset.views": "exam", "dataset.level": "patient", "model.fusion": "attention"}


def test_the_folder_and_its_manifest_are_complete(exported, run, data):
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
    private = {str(data.labelled.index.root), *rows["patient_id"], *rows["image_path"]}
    for path in exported.iterdir():
        content = path.read_bytes()
        assert not [text for text in private if text.encode() in content], path.name


@pytest.mark.slow
def test_an_exported_program_agrees_with_the_trainers_network(finished, export_run, run, data, host, tmp_path):
    export_run(finished[0], "exported-program", tmp_path / "model")
    program = open_own_program(tmp_path / "model" / read_manifest(tmp_path / "model").folds[1].weights)
    trainers = ExportedNetwork(trained_classifier(run, host, 1, CPU), own=1).eval()
    assert largest_difference(program, trainers, data, np.arange(len(data.labelled.labels)), CPU).output <= 1e-4


def test_onnx_predicts_like_safetensors_but_cannot_explain(finished, export_run, model, host, paths, tmp_path):
    export_run(finished[0], "onnx", tmp_path / "model")
    assert os.fsencode(Path(torch.__file__).parent) not in (tmp_path / "model" / "fold-0.onnx").read_bytes()
    graph = open_model(tmp_path / "model", host, "cpu")
    predictions = graph.predict(paths[:9], batch_size=4)
    for prediction, expected in zip(predictions, model.predict(paths[:9]), strict=True):
        values = list(expected.probabilities.values())
        np.testing.assert_allclose(list(prediction.probabilities.values()), values, atol=1e-4)
        assert prediction.conformal_set == expected.conformal_set
        assert prediction.distance == pytest.approx(expected.distance, rel=1e-3)
    with pytest.raises(UserError, match="heat maps need gradients, which onnx does not have; export the run"):
        graph.explain(Sample(source="", pictures=(paths[0],)), "BI-RADS 4")


@pytest.mark.parametrize("kind", ["onnx", pytest.param("exported-program", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(PLAIN | TWO_VIEWS, id="two views, evidence of places"),
        pytest.param(PLAIN | FOUR_VIEWS, id="four views, attention", marks=pytest.mark.slow),
        pytest.param(
            PLAIN | FOUR_VIEWS | {"model.fusion": "concat"}, id="four views concatenated", marks=pytest.mark.slow
        ),
        pytest.param(PLAIN | FOUR_VIEWS | {"model.fusion": "max"}, id="maximum of four views", marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "mobilenet_v2", "model.pooling": "gem"}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "resnet50", "model.hidden": 8}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "swin_t"}, marks=pytest.mark.slow),
        pytest.param(PLAIN | {"model.backbone": "vit_b_16"}, marks=pytest.mark.slow),
    ],
)
def test_other_networks_export_for_batches_of_any_size(kind, changes, host, tmp_path):
    if kind == "onnx" and torch.__version__ < "2.7":
        pytest.skip("ONNX needs PyTorch 2.7")
    recipe = Recipe().replace(changes)
    torch.manual_seed(0)
    classifier = build_classifier(recipe, host, 4).eval()
    views, own = count_views(recipe.dataset.views), 4 if recipe.dataset.level == "patient" else 1
    exported = ExportedNetwork(classifier, own)
    save_network(kind, exported, recipe, tmp_path / "network")
    network = open_onnx(tmp_path / "network", CPU) if kind == "onnx" else open_own_program(tmp_path / "network")
    for count in (1, 3):
        images, present = torch.rand(count, views, 1, 48, 32), torch.ones(count, views, dtype=torch.bool)
        for absent in (None, 1, views - 1):
            if absent is not None and views > 1:
                present[0, absent] = False
            with torch.inference_mode():
                for output, expected in zip(network(images, present), exported(images, present), strict=True):
                    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


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
        pooled_features = pooled(classifier.features(images)[:, 0])
        torch.testing.assert_close(ExportedNetwork(classifier, own=1).eval()(images)[2], pooled_features)


def test_features_of_an_exam_are_the_mean_over_the_pictures_that_are_present(host):
    classifier = build_classifier(Recipe().replace(PLAIN | FOUR_VIEWS), host, 4).eval()
    images, present = torch.rand(2, 4, 1, 48, 32), torch.tensor([[True] * 4, [False, True, False, True]])
    with torch.inference_mode():
        pooled = classifier.head.pool(classifier.features(images))
        features = ExportedNetwork(classifier, own=4).eval()(images, present)[2]
    torch.testing.assert_close(features, torch.stack([pooled[0].mean(0), pooled[1, [1, 3]].mean(0)]))


def test_a_network_that_disagrees_is_refused_and_nothing_is_left(finished, export_run, tmp_path, monkeypatch):
    def spoil(kind, network, recipe, path):
        altered = {name: value + 0.01 for name, value in network.classifier.state_dict().items()}
        path.write_bytes(safetensors.torch.save(altered))

    monkeypatch.setattr(export_module, "save_network", spoil)
    with pytest.raises(UserError, match=r"exported as safetensors disagrees with the trainer's by .* more than 0.0001"):
        export_run(finished[0], "safetensors", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def with_norms(host, tmp_path):
    """A classifier whose norms can be folded, with statistics as if it had been trained, and its exported weights."""
    recipe = Recipe().replace(PLAIN | {"model.backbone": "mobilenet_v2"})
    torch.manual_seed(0)
    classifier = build_classifier(recipe, host, 4).eval()
    for module in classifier.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    save_network("safetensors", ExportedNetwork(classifier, 1), recipe, tmp_path / "network")
    outputs = OutputsPart.of(classifier.outputs)
    return classifier, tmp_path / "network", Blueprint(recipe=recipe, classes=4, outputs=outputs, own=1)


@pytest.mark.parametrize("folded", [True, False])
def test_norms_are_folded_where_a_network_predicts_but_not_where_it_is_explained(with_norms, host, folded):
    trained, path, blueprint = with_norms
    opened = opening.open_network("safetensors", path, blueprint, host, CPU, folded=folded)
    left = [
        sum(isinstance(part, torch.nn.BatchNorm2d) for part in module.modules())
        for module in (opened.network, opened.classifier)
    ]
    assert left == [0 if folded else 52, 52]
    images, present = torch.rand(3, 1, 1, 48, 32), torch.ones(3, 1, dtype=torch.bool)
    with torch.inference_mode():
        for output, expected in zip(opened.network(images, present), ExportedNetwork(trained, 1)(images), strict=True):
            torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)
        assert torch.equal(opened.classifier(images), CPU.place(trained)(images))


def test_heat_maps_are_those_of_the_network_as_it_was_trained(model, run, host, data, paths):
    explanation = model.explain(Sample(source="", pictures=(paths[3],)), "BI-RADS 4")
    images, label = as_images(data.store.array[data.samples[[3]].pictures], CPU.device), torch.tensor([2])
    assert model.classes[2] == "BI-RADS 4"
    spec = host.explainer(run.recipe.explainer.name)
    options = host.options("explainer", spec.name, run.recipe.explainer.options)
    maps = []
    for fold in data.folds:
        classifier = trained_classifier(run, host, fold.number, CPU)
        explainer = spec.build(ExplainerContext(classifier=classifier, options=options))
        maps.append(explain_sample(classifier, explainer, images, label, 1, seed=run.recipe.seed)[0, 0])
    np.testing.assert_array_equal(explanation.heat, np.mean(maps, axis=0))


@pytest.mark.parametrize("spoil", [lambda lighter: lighter.head.pool.fail(), lambda lighter: spread(lighter)])
def test_norms_that_would_change_an_output_are_kept(with_norms, run, data, host, monkeypatch, spoil):
    trained, path, blueprint = with_norms

    def spoilt(classifier):
        lighter = fold_norms(classifier)
        spoil(lighter)
        return lighter

    finished = replace(run, recipe=blueprint.recipe)
    arguments = "safetensors", path, ExportedNetwork(trained, 1), finished, host, data, "float32", "cpu"
    folded, difference = check_network(*arguments)
    assert folded
    assert 0 < difference.probability <= difference.output <= 1e-4
    monkeypatch.setattr(opening, "fold_norms", spoilt)
    folded, difference = check_network(*arguments)
    assert not folded
    assert difference.output < 1e-6, "it is that of the network that predicts"


def spread(classifier):
    for module in classifier.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.bias.data += 0.1


def test_the_largest_change_of_a_probability_is_measured_and_stated(exported, model, run, data, host):
    manifest, rows = read_manifest(exported), checked_rows(len(data.labelled.labels))
    images = as_images(data.store.array[data.samples[rows].pictures], CPU.device)
    present = torch.ones(len(rows), 1, dtype=torch.bool)
    changes = []
    with torch.inference_mode():
        for fold, network in zip(data.folds, model.networks, strict=True):
            trained = trained_classifier(run, host, fold.number, CPU)
            changes.append(float((network(images, present)[1] - trained(images).softmax(1)).abs().max()))
    assert manifest.agreement.pictures == len(rows)
    assert manifest.agreement.probability == pytest.approx(max(changes), abs=1e-6)
    assert 0 <= manifest.agreement.probability <= manifest.agreement.tolerance == TOLERANCES["float32"]
    assert (
        f"no probability differs by more than {manifest.agreement.probability:.1g} from"
        in (exported / "model_card.md").read_text()
    )


def test_a_model_in_bfloat16_is_checked_and_predicts_in_it(finished, export_run, model, host, paths, tmp_path):
    emulated = (
        pytest.warns(BiradsZooWarning, match="has no instructions for bfloat16")
        if BFLOAT16.is_emulated
        else nullcontext()
    )
    with emulated:
        manifest = export_run(finished[0], "safetensors", tmp_path / "model", "bfloat16")
        low = open_model(tmp_path / "model", host, "cpu")
    assert manifest.precision == "bfloat16"
    assert 1e-5 < manifest.agreement.probability <= manifest.agreement.tolerance == 0.05
    assert "| Precision | bfloat16; the figures below are" in (tmp_path / "model" / "model_card.md").read_text()
    changes = [
        abs(prediction.probabilities[name] - expected.probabilities[name])
        for prediction, expected in zip(low.predict(paths[:9]), model.predict(paths[:9]), strict=True)
        for name in model.classes
    ]
    assert 1e-5 < max(changes) <= 0.05
    sample = Sample(source="", pictures=(paths[3],))
    np.testing.assert_array_equal(low.explain(sample, "BI-RADS 4").heat, model.explain(sample, "BI-RADS 4").heat)


def test_bfloat16_that_changes_a_probability_too_much_is_refused(finished, export_run, tmp_path, monkeypatch):
    monkeypatch.setitem(TOLERANCES, "bfloat16", 1e-6)
    monkeypatch.setattr("birads_zoo.artifact.export.check_precision", lambda kind, compute: None)
    with pytest.raises(
        UserError, match=r"disagrees .* more than 1e-06, on pictures of the run; export it in another pre"
    ):
        export_run(finished[0], "safetensors", tmp_path / "model", "bfloat16")


def test_formats_without_bfloat16_are_refused():
    with pytest.raises(UserError, match="a model of the format onnx predicts in float32; leave --precision out"):
        opening.check_precision("onnx", BFLOAT16)
    if BFLOAT16.is_emulated:
        with pytest.raises(UserError, match="OpenVINO has no bfloat16 on this CPU; export the run with --precision"):
            opening.check_precision("openvino", BFLOAT16)


def test_an_exported_model_prepares_a_file_as_the_pixel_store_did(model, data, paths):
    for row, path in enumerate(paths):
        ready = read(Sample(source="", pictures=(path,)), model.manifest.preprocessing)
        np.testing.assert_array_equal(ready.pixels[0], data.store.array[data.positions[row]])


def test_the_neutral_geometry_keeps_the_detail_of_the_pixel_store(model, data, tmp_path):
    section = ImageSection(height=64, width=48, neutral=True)
    store, _ = build_store(data.labelled.index, section, tmp_path)
    again, _ = build_store(data.labelled.index, section, tmp_path)
    assert store.detail == again.detail
    assert 0.5 <= store.detail < 1
    preprocessing = msgspec.structs.replace(model.manifest.preprocessing, image=section, detail=store.detail)
    for row in (0, 7, 20):
        path = data.labelled.index.root / data.labelled.index.rows["image_path"].iloc[row]
        ready = read(Sample(source="", pictures=(path,)), preprocessing)
        np.testing.assert_array_equal(ready.pixels[0], store.array[row])
    blurred = msgspec.structs.replace(preprocessing, detail=1.0)
    assert (read(Sample(source="", pictures=(path,)), blurred).pixels[0] != store.array[20]).any()


def test_pictures_of_few_bits_are_read_alike_from_files_and_arrays(model, tmp_path):
    twelve = np.tile(np.where(np.arange(60) < 40, 4095 - 50 * np.arange(60), 0), (80, 1)).astype(np.uint16)
    Image.fromarray(twelve).save(tmp_path / "a.png")
    section = msgspec.structs.replace(model.manifest.preprocessing.image, bits=12)
    preprocessing = msgspec.structs.replace(model.manifest.preprocessing, image=section)
    file, array = (
        read(Sample(source="", pictures=(picture,)), preprocessing).pixels for picture in (tmp_path / "a.png", twelve)
    )
    np.testing.assert_array_equal(file, array)
    assert file.max() > 50_000


def test_pixels_that_differ_from_the_stores_are_refused(model, data):
    turned = msgspec.structs.replace(model.manifest.preprocessing.image, orient=False)
    other = msgspec.structs.replace(model.manifest.preprocessing, image=turned)
    with pytest.raises(UserError, match="is prepared differently than in the run's pixel store"):
        check_pixels(other, data, np.arange(len(data.labelled.labels)))


def test_one_grey_level_from_the_store_is_warned_of_and_two_are_refused(model, data):
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
        scores = [trained_classifier(run, host, fold.number, CPU)(images) for fold in data.folds]
        probabilities = [fold_scores.double().softmax(1) for fold_scores in scores]
    expected = torch.stack(probabilities).mean(0).numpy()
    for prediction, row in zip(model.predict(paths[:6]), expected, strict=True):
        np.testing.assert_allclose(list(prediction.probabilities.values()), row, atol=1e-6)
        assert prediction.predicted == model.classes[int(row.argmax())]


@pytest.mark.slow
def test_calibration_and_sets_are_those_of_the_run(zoo, export_run, host, tmp_path):
    """Predicted by one fold's network alone, its test rows get what predictions.csv says of them."""
    zoo("phantom", "--patients", 44, "--size", "64x48", "--out", tmp_path / "root")
    small = ["--image-size", "32x32", "--epochs", 3, "--folds", 2, "--device", "cpu", "--set", "split.validation=0.7"]
    net = ["--backbone", "baseline_cnn", "--set", "training.precision=float32", "--set", "training.sampler=balanced"]
    result = zoo("run", "--dataset", "phantom", "--root", tmp_path / "root", *net, *small, "--out", tmp_path / "runs")
    assert result.status == 0, result.err
    export_run(tmp_path / "runs" / "baseline_cnn", "safetensors", tmp_path / "model")
    model = open_model(tmp_path / "model", host, "cpu")
    assert all(fold.temperature and fold.threshold for fold in model.manifest.folds)
    rows = read_run(tmp_path / "runs" / "baseline_cnn", host).test
    for number, fold in enumerate(model.manifest.folds):
        alone = msgspec.structs.replace(model.manifest, folds=(fold,))
        fold_model = Model(
            manifest=alone,
            networks=model.networks[number : number + 1],
            classifiers=(),
            references=model.references[number : number + 1],
            compute=model.compute,
            host=host,
        )
        fold_rows = rows[rows["fold"] == number]
        predictions = fold_model.predict([tmp_path / "root" / path for path in fold_rows["image_path"]])
        for name in model.classes:
            calibrated = [prediction.calibrated[name] for prediction in predictions]
            np.testing.assert_allclose(calibrated, fold_rows[f"calibrated_{name}"], atol=1e-5)
            # By rounding, a score may be on the other side of the threshold.
            held = fold_rows[f"set_{name}"].astype(bool)
            assert np.mean([name in prediction.conformal_set for prediction in predictions] == held) > 0.98


def test_the_verdict_on_the_heat_maps_is_exported(exported, finished, run, export_run, made_explanations, tmp_path):
    untested = read_manifest(exported)
    assert untested.heat_maps == HeatMaps(faithful=None, verdict="nobody has tested these maps")
    assert f"| Heat maps | {run.recipe.explainer.name}; nobody has tested" in (exported / "model_card.md").read_text()
    copied = shutil.copytree(finished[0], tmp_path / "run")
    (copied / "explanations").mkdir()
    scores = {"faithful": False, "verdict": "does not beat its baselines: no gain shown over centre in ROAD"}
    explanations = made_explanations({"another": {"verdict": "beats"}, run.recipe.explainer.name: scores})
    write_explanations(copied / "explanations", pd.DataFrame(columns=list(COLUMNS)), explanations)
    manifest = export_run(copied, "safetensors", tmp_path / "model")
    assert manifest.heat_maps == HeatMaps(**scores) == read_manifest(tmp_path / "model").heat_maps
    card = (tmp_path / "model" / "model_card.md").read_text()
    assert f"| Heat maps | {run.recipe.explainer.name}; does not beat" in card


def test_the_rule_of_the_loss_is_exported(exported):
    manifest = read_manifest(exported)
    assert (manifest.outputs.logits, manifest.outputs.rule) == (4, "the softmax of one logit per class")
    row = "| Loss | cross-entropy; probabilities: the softmax of one logit per class |"
    assert row in (exported / "model_card.md").read_text()


def test_an_export_does_not_overwrite(exported, finished, export_run):
    with pytest.raises(UserError, match="exists already; remove it"):
        export_run(finished[0], "safetensors", exported)


def test_a_package_that_onnx_needs_is_named(finished, export_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        UserError, match=r"onnx needs the package onnxscript: install it with pip install 'birads-zoo\[onnx\]'"
    ):
        export_run(finished[0], "onnx", tmp_path / "model")


def test_the_manifest_is_the_same_every_time(exported, finished, export_run, tmp_path):
    export_run(finished[0], "safetensors", tmp_path / "model")
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in (exported, tmp_path / "model"))
    assert first == second
