"""A folder that is not an exported model, or has changed since the export, is refused in one sentence."""

import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

import birads_zoo
from birads_zoo.artifact.manifest import Manifest, checksums
from birads_zoo.artifact.model import open_model
from birads_zoo.errors import UserError


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "model")


@pytest.fixture
def change(copied, edited):
    """Change keys of the copy's manifest, and its digest."""

    def set_keys(**keys):
        with edited(copied / "manifest.json") as values:
            values |= keys

    return set_keys


@pytest.fixture
def saved(exported):
    """The exported manifest as a dictionary."""
    return json.loads((exported / "manifest.json").read_text())


def refused(folder, host):
    with pytest.raises(UserError) as error:
        open_model(folder, host, "cpu")
    return str(error.value)


def test_an_untouched_copy_opens(copied):
    assert birads_zoo.load(copied, device="cpu").classes[0] == "BI-RADS 1"


def test_another_folder_is_no_model(tmp_path, host):
    assert "is not an exported model: it has no manifest.json" in refused(tmp_path, host)


@pytest.mark.parametrize("name", ["fold-1.safetensors", "reference.safetensors", "model_card.md"])
def test_a_changed_file_is_named(copied, host, name):
    content = bytearray((copied / name).read_bytes())
    content[-1] ^= 1
    (copied / name).write_bytes(content)
    assert f"{name} has been changed since it was exported" in refused(copied, host)


def test_a_missing_file_is_named(copied, host):
    (copied / "fold-0.safetensors").unlink()
    assert "fold-0.safetensors: No such file or directory; export the run again" in refused(copied, host)


@pytest.mark.parametrize("other", [2, Manifest.FORMAT + 1])
def test_another_format_is_not_called_damage(copied, host, change, other):
    change(format=other, birads_zoo="9.0", what_is_new="a field that nobody knows yet")
    message = refused(copied, host)
    assert f"manifest.json was written by birads-zoo 9.0 in format {other}, and this one" in message
    assert f"reads format {Manifest.FORMAT}; export the run again, or use the version that wrote it" in message


@pytest.mark.parametrize(
    ("text", "message"), [("", "is damaged"), ("[]", "is damaged"), ('{"name": "another tool\'s"}', "no format number")]
)
def test_a_foreign_manifest_is_refused(copied, host, text, message):
    (copied / "manifest.json").write_text(text)
    assert message in refused(copied, host)


def test_a_manifest_that_was_edited_by_hand_is_refused(copied, host, saved):
    (copied / "manifest.json").write_text(json.dumps(saved | {"classes": saved["classes"][::-1]}))
    assert "manifest.json was changed after it was written; export the run again" in refused(copied, host)


def test_a_manifest_with_another_type_is_damaged(copied, host, change):
    change(classes="BI-RADS 1")
    assert "manifest.json is damaged (Expected `array`" in refused(copied, host)


def test_a_manifest_that_names_a_file_outside_its_folder_is_refused(copied, host, change):
    change(files={"../fold-0.safetensors": "0" * 64})
    assert "names '../fold-0.safetensors', which is outside its folder" in refused(copied, host)


@pytest.mark.parametrize("name", ["fold-1.safetensors", "reference.safetensors"])
def test_a_needed_file_without_a_checksum_is_refused(copied, host, change, saved, name):
    change(files={key: value for key, value in saved["files"].items() if key != name})
    assert f"manifest.json is damaged (it has no checksum of {name}); export the run again" in refused(copied, host)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"temperature": 0.0}, "Expected `float` > 0.0"),
        ({"temperature": -1.5}, "Expected `float` > 0.0"),
        ({"scale": 0.0}, "Expected `float` > 0.0"),
        ({"shift": [0.0, 0.0]}, "fold 0 has a shift of 2 values for 4 classes"),
    ],
)
def test_a_fold_with_impossible_values_is_refused(copied, host, change, saved, keys, reason):
    change(folds=[saved["folds"][0] | keys, *saved["folds"][1:]])
    message = refused(copied, host)
    assert f"manifest.json is damaged ({reason}" in message
    assert message.endswith("export the run again")


def test_a_model_without_folds_is_refused(copied, host, change):
    change(folds=[])
    assert "manifest.json is damaged (it has no fold); export the run again" in refused(copied, host)


def test_two_classes_of_one_name_are_refused(copied, host, change, saved):
    change(classes=[saved["classes"][0], *saved["classes"][:-1]])
    assert "manifest.json is damaged (it needs two or more different classes)" in refused(copied, host)


@pytest.mark.parametrize("named", [{"mean": {"low": 0.1, "high": 0.2}}, {}])
def test_a_training_range_of_other_statistics_is_refused(copied, host, change, saved, named):
    change(training_range=saved["training_range"] | {"statistics": named})
    assert "its training range must have longer_side, aspect, mean" in refused(copied, host)


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        ({"mean-0": np.zeros(3, np.float32)}, "fold 0's features, labels, mean and spread do not fit"),
        ({"labels-0": np.zeros((0,), np.int16)}, "fold 0's features, labels, mean and spread do not fit"),
        ({"labels-0": 9}, "fold 0 has labels outside its 4 classes"),
        ({"spread-0": 0}, "fold 0 has features that are not finite, or a spread that is not above 0"),
        ({"spread-0": np.inf}, "fold 0 has features that are not finite, or a spread that is not above 0"),
        ({"features-0": np.nan}, "fold 0 has features that are not finite, or a spread that is not above 0"),
    ],
)
def test_references_that_do_not_fit_are_refused(copied, host, change, saved, altered, reason):
    path = copied / "reference.safetensors"
    tensors = safetensors.numpy.load_file(path)
    for key, value in altered.items():
        tensors[key] = np.full_like(tensors[key], value) if np.isscalar(value) else value
    path.write_bytes(safetensors.numpy.save(tensors))
    change(files=saved["files"] | checksums([path]))
    message = refused(copied, host)
    assert "reference.safetensors is damaged (" in message
    assert reason in message


def test_a_missing_plugin_is_named(copied, host, change):
    recipe = json.loads((copied / "manifest.json").read_text())["recipe"]
    change(recipe=recipe | {"model": recipe["model"] | {"backbone": "my-net"}})
    assert "needs the backbone 'my-net', which no installed plugin registers; install that" in refused(copied, host)


def test_weights_of_another_network_are_refused(copied, host, change):
    recipe = json.loads((copied / "manifest.json").read_text())["recipe"]
    change(recipe=recipe | {"model": recipe["model"] | {"hidden": 7}})
    message = refused(copied, host)
    assert "do not fit the network that 'baseline_cnn' builds here (" in message
    assert "tensors are missing, unknown or of another shape, the first of them 'head." in message


def test_weights_that_are_no_numbers_are_named(copied, host, change, saved):
    path = copied / "fold-1.safetensors"
    weights = safetensors.numpy.load_file(path)
    name = next(name for name, values in weights.items() if values.ndim == 4)
    weights[name][0, 0, 0, 0] = np.inf
    path.write_bytes(safetensors.numpy.save(weights))
    change(files=saved["files"] | checksums([path]))
    message = refused(copied, host)
    assert message == (
        f"{path} holds infinite or NaN values, 1 of {weights[name].size} in {name!r}; export the run again"
    )


def test_an_exported_program_is_not_opened(copied, host, change):
    change(kind="exported-program")
    message = refused(copied, host)
    assert "opening one runs whatever its file says (torch.export.load unpickles)" in message
    assert "export the run as safetensors or onnx" in message
