"""Somebody else's model folder as the working directory: nothing in it is executed to open the model."""

import shutil
import subprocess
import sys

import pytest

import birads_zoo

EVIL = """
from pathlib import Path
Path(r"{marker}").write_text("executed")
from birads_zoo import AugmentationSpec, hookimpl

@hookimpl
def birads_zoo_augmentations():
    return [AugmentationSpec(name="evil", summary="s", build=print)]
"""
LOADED = "birads-zoo: loaded the plugin files that registry.toml names: "


@pytest.fixture
def marker(exported, tmp_path, monkeypatch):
    """Change into a model's folder that names a plugin file; return the file that the plugin writes when executed."""
    model = shutil.copytree(exported, tmp_path / "model")
    (model / "registry.toml").write_text('[plugins]\nfiles = ["evil.py"]\n')
    (model / "evil.py").write_text(EVIL.format(marker=tmp_path / "marker"))
    monkeypatch.chdir(model)
    return tmp_path / "marker"


@pytest.fixture
def picture(phantom_root):
    return max((phantom_root / "mammograms").rglob("*.jpg"), key=lambda path: path.stat().st_size)


def test_load_executes_nothing(marker, picture):
    model = birads_zoo.load(".", device="cpu")
    assert model.predict([picture])[0].predicted in model.classes
    assert not marker.exists()


@pytest.mark.parametrize("explain", [False, True])
def test_predict_executes_nothing(zoo, marker, picture, explain):
    result = zoo("predict", ".", picture, "--device", "cpu", *(["--out", "out.csv", "--explain"] if explain else []))
    assert result.status == 0, result.err
    assert LOADED not in result.err
    assert not marker.exists()


def test_predict_as_a_module_executes_nothing(marker, picture):
    for name in ("torch.py", "msgspec.py"):  # what `python -m` would import from the working directory
        (marker.parent / "model" / name).write_text((marker.parent / "model" / "evil.py").read_text())
    command = [sys.executable, "-m", "birads_zoo", "predict", ".", str(picture), "--device", "cpu"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert not marker.exists()


def test_serve_executes_nothing(zoo, marker, monkeypatch):
    pytest.importorskip("fastapi", reason="fastapi is not installed (make install)")
    served = []
    monkeypatch.setattr("birads_zoo.cli.serve.find_spec", lambda name: name)
    monkeypatch.setattr("birads_zoo.serving.app.serve", lambda model, *others: served.append(model))
    result = zoo("serve", ".", "--port", 0, "--device", "cpu")
    assert result.status == 0, result.err
    assert served[0].classes
    assert not marker.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "loss", "focal"],
        ["run", "--backbone", "no-such-net"],
        ["compare", "--backbone", "no-such-net"],
        ["audit", "--dataset", "no-such-data"],
        ["explain", "no-such-run"],
        ["report", "no-such-run"],
        ["export", "no-such-run"],
    ],
    ids=" ".join,
)
def test_commands_on_own_data_print_once_which_files_they_loaded(zoo, marker, arguments):
    result = zoo(*arguments)
    assert marker.exists()
    assert result.err.count(LOADED) == 1
    assert f"{LOADED}{marker.parent / 'model' / 'evil.py'}\n" in result.err
    assert LOADED not in result.out


def test_the_python_api_prints_loaded_files_only_if_there_are_any(marker, capfd, monkeypatch):
    assert birads_zoo.list_backbones("baseline*") == ["baseline_cnn"]
    result = capfd.readouterr()
    assert (result.out, result.err) == ("", f"{LOADED}{marker.parent / 'model' / 'evil.py'}\n")
    monkeypatch.chdir(marker.parent)
    birads_zoo.list_backbones()
    assert capfd.readouterr().err == ""
