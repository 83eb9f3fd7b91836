"""A run that is killed goes on where it was, and ends as an unbroken one does."""

import json
import shutil

import filelock
import pytest
import safetensors.torch
import torch

from birads_zoo.training import loop

pytestmark = pytest.mark.usefixtures("no_figures")

FLAGS = ["--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def unbroken(zoo, phantom_root, tmp_path_factory):
    """A run that nothing stopped."""
    out = tmp_path_factory.mktemp("unbroken")
    said = zoo("run", "--root", phantom_root, *FLAGS, "--out", out)
    assert said.status == 0, said.err
    return out / "baseline_cnn"


@pytest.fixture(scope="module")
def stopped(zoo, phantom_root, tmp_path_factory):
    """A run that was killed in the second fold's second epoch."""
    out = tmp_path_factory.mktemp("stopped")
    one_epoch, calls = loop._one_epoch, []

    def dying(*arguments):
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return one_epoch(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(loop, "_one_epoch", dying)
        said = zoo("run", "--root", phantom_root, *FLAGS, "--out", out)
    assert said.status == 130
    assert not (out / "baseline_cnn" / "metrics.json").exists()
    return out / "baseline_cnn"


@pytest.fixture
def killed(stopped, tmp_path):
    """A copy of that run, to go on in."""
    return shutil.copytree(stopped, tmp_path / "baseline_cnn")


def test_a_killed_run_ends_with_the_same_weights_bit_for_bit(zoo, unbroken, killed):
    said = zoo("run", "--resume", killed, "--device", "cpu", "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out) == json.loads((unbroken / "metrics.json").read_text())
    for fold in ("fold-0", "fold-1"):
        for name in ("best.safetensors", "last.safetensors"):
            one, other = (safetensors.torch.load_file(run / "checkpoints" / fold / name) for run in (unbroken, killed))
            assert one.keys() == other.keys()
            different = [key for key in one if not torch.equal(one[key], other[key])]
            assert different == [], f"{fold}/{name}"
    assert (killed / "predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()


def test_a_corrupt_checkpoint_is_one_sentence(zoo, killed):
    path = killed / "checkpoints" / "fold-1" / "last.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    said = zoo("run", "--resume", killed, "--device", "cpu")
    assert said.status == 2
    assert "is damaged or not a checkpoint" in said.err
    assert f"delete the folder {path.parent} to train its fold from the start" in said.err


def test_resume_refuses_what_would_change_the_recipe(zoo, killed):
    said = zoo("run", "--resume", killed, "--epochs", 9, "--no-dropout")
    assert said.status == 2
    assert "leave out what would change it: training.epochs, --no-dropout" in said.err


def test_resume_refuses_other_data(zoo, killed):
    split = killed / "split.csv"
    split.write_text(split.read_text().replace("test", "train", 1))
    said = zoo("run", "--resume", killed, "--device", "cpu")
    assert said.status == 2
    assert "the rows have changed since" in said.err


def test_resume_refuses_other_pictures(zoo, phantom_root, tmp_path, killed):
    root = tmp_path / "root"
    shutil.copytree(phantom_root, root)
    recipe = killed / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(phantom_root), str(root)))
    one, other, *_ = sorted((root / "mammograms" / "BIRAD 3").iterdir())
    one.write_bytes(other.read_bytes())
    said = zoo("run", "--resume", killed, "--device", "cpu")
    assert said.status == 2
    assert "the pictures have changed since" in said.err


def test_resume_says_so_when_the_run_was_started_before_pixels_named_the_pictures(zoo, killed):
    environment = killed / "environment.json"
    said = json.loads(environment.read_text())
    environment.write_text(json.dumps(said | {"format": 1, "pixels": "0123456789abcdef"}))  # that of a pixel store
    said = zoo("run", "--resume", killed, "--device", "cpu")
    assert said.status == 2
    assert "in format 1, and this one" in said.err
    assert "the pictures have changed" not in said.err


def test_a_run_in_use_is_left_alone(zoo, killed):
    with filelock.FileLock(killed / ".lock"):
        said = zoo("run", "--resume", killed, "--device", "cpu")
    assert said.status == 2
    assert f"another process is at work in {killed}" in said.err


def test_a_resumed_run_says_on_what_it_went_on(zoo, killed):
    leftover = killed / "checkpoints" / "fold-1" / ".last-x.safetensors"
    leftover.touch()
    assert zoo("run", "--resume", killed, "--device", "cpu").status == 0
    environment = json.loads((killed / "environment.json").read_text())
    assert [entry["device"] for entry in environment["resumed"]] == ["cpu"]
    assert not leftover.exists()


def test_resume_needs_a_run(zoo, tmp_path):
    said = zoo("run", "--resume", tmp_path)
    assert said.status == 2
    assert "is no run: it holds no recipe.toml" in said.err
