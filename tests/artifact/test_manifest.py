"""A folder that is no exported model, or no longer the one that was exported, is refused in one sentence."""

import json
import shutil

import pytest

import birads_zoo
from birads_zoo.artifact.model import open_model
from birads_zoo.errors import UserError


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "model")


@pytest.fixture
def change(copied):
    """Change a key of the copy's manifest."""

    def set_key(**keys):
        path = copied / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return set_key


def refused(folder, host):
    with pytest.raises(UserError) as error:
        open_model(folder, host, "cpu")
    return str(error.value)


def test_an_untouched_copy_opens(copied):
    assert birads_zoo.load(copied, device="cpu").classes[0] == "BI-RADS 1"


def test_another_folder_is_no_model(tmp_path, host):
    assert "is no exported model: it holds no manifest.json" in refused(tmp_path, host)


@pytest.mark.parametrize("name", ["fold-1.safetensors", "reference.safetensors", "model_card.md"])
def test_a_changed_file_is_named(copied, host, name):
    content = bytearray((copied / name).read_bytes())
    content[-1] ^= 1
    (copied / name).write_bytes(content)
    assert f"{name} has been changed since it was exported" in refused(copied, host)


def test_a_missing_file_is_named(copied, host):
    (copied / "fold-0.safetensors").unlink()
    assert "fold-0.safetensors: No such file or directory; export the run again" in refused(copied, host)


def test_another_format_is_told_from_damage(copied, host, change):
    change(format=2, birads_zoo="9.0", what_is_new="a field that nobody knows yet")
    assert "was exported by birads-zoo 9.0 in format 2, and this one reads format 1" in refused(copied, host)


@pytest.mark.parametrize("text", ["", "[]", '{"name": "another tool\'s manifest"}'])
def test_a_foreign_manifest_is_refused(copied, host, text):
    (copied / "manifest.json").write_text(text)
    assert "manifest.json is not what birads-zoo exports" in refused(copied, host)


def test_a_manifest_with_another_type_is_damaged(copied, host, change):
    change(classes="BI-RADS 1")
    assert "manifest.json is damaged (Expected `array`" in refused(copied, host)


def test_a_manifest_reaches_no_file_outside_its_folder(copied, host, change):
    change(files={"../fold-0.safetensors": "0" * 64})
    assert "names '../fold-0.safetensors', which is outside its folder" in refused(copied, host)


def test_weights_without_a_checksum_are_refused(copied, host, change):
    change(files={})
    assert "it has no checksum of its weights" in refused(copied, host)


def test_a_missing_plugin_is_named(copied, host, change):
    recipe = json.loads((copied / "manifest.json").read_text())["recipe"]
    change(recipe=recipe | {"model": recipe["model"] | {"backbone": "my-net"}})
    assert "needs the backbone 'my-net', and no plugin here registers it; install that plugin" in refused(copied, host)


def test_weights_of_another_network_are_refused(copied, host, change):
    recipe = json.loads((copied / "manifest.json").read_text())["recipe"]
    change(recipe=recipe | {"model": recipe["model"] | {"hidden": 7}})
    assert "do not fit the network that 'baseline_cnn' builds here" in refused(copied, host)


def test_an_exported_program_is_not_opened(copied, host, change):
    change(kind="exported-program")
    said = refused(copied, host)
    assert "opening one runs whatever its file says (torch.export.load unpickles)" in said
    assert "export the run as safetensors or onnx" in said
