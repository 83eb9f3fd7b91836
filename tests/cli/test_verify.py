"""`birads-zoo verify` finds every file of a run, a study, a model and the cache that is not what was written."""

import errno
import os
import re
import shutil

import pytest

from birads_zoo.files import documents
from birads_zoo.files.digests import sha256

pytestmark = pytest.mark.usefixtures("no_figures")


def flip(path):
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def named(result, folder):
    """The files below `folder` with which the lines of a result begin."""
    return sorted(line.split(" ")[0].removeprefix(f"{folder}/") for line in result.out.splitlines())


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(finished[0], tmp_path / "runs" / "copied")


def test_every_changed_file_of_a_run_is_named(zoo, copied):
    result = zoo("verify", copied)
    assert (result.status, result.out) == (0, "")
    changed = ["checkpoints/fold-1/best.safetensors", "figures/roc-curves.png", "predictions.csv"]
    for name in changed:
        flip(copied / name)
    (copied / "split.csv").unlink()
    result = zoo("verify", copied)
    assert result.status == 1
    assert named(result, copied) == [*changed, "split.csv"]


def test_explanations_are_files_of_the_run(zoo, copied, made_explanations):
    folder = copied / "explanations"
    (folder / "overlays" / "cam").mkdir(parents=True)
    paths = [folder / name for name in ("explanations.csv", "cam.npz", "overlays/cam/1.png")]
    for path in paths:
        path.write_text("written")
    digests = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    documents.write(folder / "explanations.json", made_explanations({}, files=digests))
    assert zoo("verify", copied).status == 0
    for path in paths:
        flip(path)
    assert named(zoo("verify", copied), folder) == sorted(digests)
    flip(folder / "explanations.json")
    result = zoo("verify", copied)
    assert (result.status, named(result, folder)) == (1, ["explanations.json"])


def test_the_runs_of_a_study_and_of_a_folder_are_checked(zoo, copied):
    runs = copied.parent
    (runs / "notes").mkdir()
    (runs / ".lock").touch()
    unfinished = shutil.copytree(copied, runs / "unfinished")
    (unfinished / "complete.json").unlink()
    flip(copied / "predictions.csv")
    expected = [
        f"{copied / 'predictions.csv'} is missing or was changed after it was written",
        f"{runs / 'notes'} is not a run: it has no recipe.toml",
        f"{unfinished} is not finished; go on with: birads-zoo run --resume {unfinished}",
    ]
    result = zoo("verify", runs)
    assert (result.status, result.out.splitlines()) == (1, expected)
    (runs.parent / "study.toml").touch()
    result = zoo("verify", runs.parent)
    assert (result.status, result.out.splitlines()[:-1]) == (1, expected)


def test_a_run_may_have_the_name_of_a_part_of_the_cache(zoo, copied):
    for name in ("pixels", "features"):
        shutil.copytree(copied, copied.parent / name)
    flip(copied.parent / "features" / "predictions.csv")
    assert named(zoo("verify", copied.parent), copied.parent) == ["features/predictions.csv"]


def test_the_checkpoints_of_an_unfinished_run_are_checked(zoo, copied):
    (copied / "complete.json").unlink()
    assert zoo("verify", copied).out.count("\n") == 1
    for name in ("fold-0/best.safetensors", "fold-1/last.safetensors"):
        flip(copied / "checkpoints" / name)
    result = zoo("verify", copied)
    lines = result.out.splitlines()
    assert (result.status, len(lines)) == (1, 3)
    assert lines[0].startswith(f"{copied} is not finished; go on with")
    assert lines[1].startswith(f"checkpoint {copied}/checkpoints/fold-0/best.safetensors ")
    assert lines[2].startswith(f"checkpoint {copied}/checkpoints/fold-1/last.safetensors ")


def test_a_folder_that_cannot_be_listed_is_a_problem(zoo, tmp_path, monkeypatch):
    for name in ("study.toml", "complete.json"):
        (tmp_path / name).touch()
    (tmp_path / "runs").mkdir()
    refuse = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "runs"))
    monkeypatch.setattr("pathlib.Path.iterdir", lambda folder: (_ for _ in ()).throw(refuse))
    result = zoo("verify", tmp_path)
    assert result.status == 1
    assert result.out.startswith(f"cannot read or write {tmp_path / 'runs'}: Permission denied")


def test_a_study_without_results_is_not_finished(zoo, tmp_path):
    (tmp_path / "study.toml").touch()
    result = zoo("verify", tmp_path)
    assert (result.status, result.out.count("\n")) == (1, 1)
    assert result.out.startswith(f"{tmp_path} is not finished; start the study's command again")


def test_every_changed_file_of_a_model_is_named(zoo, exported, tmp_path):
    assert zoo("verify", exported).status == 0
    model = shutil.copytree(exported, tmp_path / "model")
    weights = next(model.glob("*.safetensors"))
    flip(weights)
    result = zoo("verify", model)
    assert result.status == 1
    assert f"{weights} has been changed since it was exported" in result.out


def test_every_changed_file_of_the_cache_is_named(zoo, finished, tmp_path, phantom_root, monkeypatch):
    assert zoo("verify").status == 0, "the cache of the finished run"
    cache = tmp_path / "cache"
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(cache))
    small = ["--image-size", "32x32", "--folds", 2, "--epochs", 1, "--device", "cpu", "--out", tmp_path / "runs"]
    frozen = ["--set", "model.freeze=all", "--augmentation", "none"]
    data = ["--dataset", "phantom", "--root", phantom_root]
    assert zoo("run", *data, "--backbone", "baseline_cnn", *small, *frozen).status == 0
    assert zoo("verify", cache).status == 0
    features, pixels = next(cache.glob("features/*.safetensors")), next(cache.glob("pixels/*/pixels.npy"))
    flip(features)
    flip(pixels)
    result = zoo("verify", cache)
    assert result.status == 1
    assert [re.split(" is | was ", line)[0] for line in result.out.splitlines()] == [
        f"the pixel store {pixels.parent}",
        f"the file of features {features}",
    ]


def test_any_other_folder_is_refused(zoo, tmp_path):
    result = zoo("verify", tmp_path)
    assert result.status == 2
    assert result.err.endswith("there is nothing to verify\n")
