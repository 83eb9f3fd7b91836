"""A finished run, read again, makes the same predictions."""

import json
import shutil
from dataclasses import replace

import numpy as np
import PIL
import pytest
import torch

from birads_zoo.data.batches import Batches
from birads_zoo.devices import choose_compute
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.files.digests import quick_digest
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.runs.finished import prepare_again, read_run, trained_classifier


@pytest.fixture(scope="module")
def host():
    return load_host()


@pytest.fixture
def copied(finished, tmp_path):
    folder, _ = finished
    return shutil.copytree(folder, tmp_path / "run")


def test_its_classifiers_predict_the_same_as_predictions_csv(finished, host):
    run = read_run(finished[0], host)
    data = prepare_again(run, host, Screen())
    compute = choose_compute("cpu", run.recipe.training.precision)
    for fold in data.folds:
        classifier = trained_classifier(run, host, fold.number, compute)
        expected = run.test[run.test["fold"] == fold.number]
        batches = Batches(
            data.store.array, data.samples[fold.test], data.labelled.labels[fold.test], 32, compute.device
        )
        with torch.no_grad(), compute.precision():
            logits = torch.cat([classifier(batch.images) for batch in batches.epoch(None)])
        again = logits.double().softmax(1).numpy()
        np.testing.assert_allclose(again, expected.filter(like="probability_").to_numpy(), atol=1e-6)
        assert expected["row"].tolist() == data.labelled.index.rows["row"].iloc[fold.test].tolist()


def test_a_classifier_is_loaded_complete_and_unfrozen(finished, host):
    run = read_run(finished[0], host)
    classifier = trained_classifier(run, host, 1, choose_compute("cpu", "float32"))
    assert not classifier.training
    assert all(parameter.requires_grad for parameter in classifier.parameters())
    with pytest.raises(UserError, match="no fold 3: it has 2"):
        trained_classifier(run, host, 2, choose_compute("cpu", "float32"))


def test_columns_keep_their_types(finished, host):
    run = read_run(finished[0], host)
    assert run.classes == tuple(json.loads((finished[0] / "metrics.json").read_text())["classes"])
    assert run.test["age"].dtype == np.float64
    assert all(isinstance(value, str) for value in run.test["patient_id"])


def test_moved_data_is_accepted_and_other_data_rejected(finished, host, phantom_root, tmp_path, zoo):
    run = read_run(finished[0], host)
    moved = shutil.copytree(phantom_root, tmp_path / "moved")
    prepare_again(run, host, Screen(), root=moved)
    zoo("phantom", "--patients", 16, "--size", "128x96", "--seed", 5, "--out", tmp_path / "other")
    with pytest.raises(UserError, match="have changed since"):
        prepare_again(run, host, Screen(), root=tmp_path / "other")


@pytest.fixture
def decoded_before(copied, host, edited):
    """Make a run claim that another Pillow decoded its pictures, some levels darker; return their store's folder."""
    folders = []

    def make(levels):
        data = prepare_again(read_run(copied, host), host, Screen())
        with edited(copied / "environment.json") as about:
            about["versions"]["pillow"] = "0.1"
        then = replace(data.store.key, decoders={**data.store.key.decoders, "pillow": "0.1"})
        folder = data.store.cache / "pixels" / then.digest
        folders.append(shutil.copytree(folder.with_name(data.store.key.digest), folder))
        array = np.load(folder / "pixels.npy")
        array[2][array[2] > 9] -= np.uint8(levels)
        np.save(folder / "pixels.npy", array)
        with edited(folder / "manifest.json") as manifest:
            manifest |= {"key": folder.name}
            manifest["files"]["pixels.npy"] = quick_digest(folder / "pixels.npy")
        return folder

    yield make
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("levels", "exists", "message"),
    [
        (0, True, None),
        (1, True, "pictures differ by one grey level of 255 from those of"),
        (0, False, "pictures may differ by a grey level from those of .*, due to other versions"),
    ],
)
def test_pictures_of_other_decoders_may_differ_by_a_grey_level(copied, host, decoded_before, levels, exists, message):
    folder = decoded_before(levels)
    if not exists:
        shutil.rmtree(folder)
    if message is None:
        prepare_again(read_run(copied, host), host, Screen())
        return
    with pytest.warns(BiradsZooWarning, match=f"{message}.*: pillow 0.1 then, {PIL.__version__} now"):
        prepare_again(read_run(copied, host), host, Screen())


def test_pictures_of_other_decoders_may_not_differ_by_more(copied, host, decoded_before):
    decoded_before(2)
    with pytest.raises(UserError, match=r"decoded differently than when .* was started \(pillow 0\.1 then"):
        prepare_again(read_run(copied, host), host, Screen())


def test_a_folder_that_is_no_finished_run_is_one_sentence(copied, host, tmp_path):
    with pytest.raises(UserError, match="is not a run: it has no recipe"):
        read_run(tmp_path, host)
    (copied / "complete.json").unlink()
    with pytest.raises(UserError, match="is not finished: go on with it"):
        read_run(copied, host)


def test_a_missing_checkpoint_is_one_sentence(copied, host):
    (copied / "checkpoints" / "fold-0" / "best.safetensors").unlink()
    with pytest.raises(UserError, match=r"cannot read checkpoint .*safetensors: No such file or directory"):
        trained_classifier(read_run(copied, host), host, 0, choose_compute("cpu", "float32"))
