"""A run that was killed is resumed, and gives the same results as an uninterrupted run."""

import errno
import json
import os
import shutil
import signal

import filelock
import pytest
import safetensors.torch
import torch

import birads_zoo as bz
from birads_zoo import pipeline
from birads_zoo.training import loop

pytestmark = pytest.mark.usefixtures("no_figures")

FLAGS = ["--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def unbroken(zoo, phantom_root, tmp_path_factory):
    """A run that nothing stopped."""
    out = tmp_path_factory.mktemp("unbroken")
    result = zoo("run", "--root", phantom_root, *FLAGS, "--out", out)
    assert result.status == 0, result.err
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
        result = zoo("run", "--root", phantom_root, *FLAGS, "--out", out)
    assert result.status == 130
    assert not (out / "baseline_cnn" / "metrics.json").exists()
    return out / "baseline_cnn"


@pytest.fixture
def killed(stopped, tmp_path):
    """A copy of that run, to resume."""
    return shutil.copytree(stopped, tmp_path / "baseline_cnn")


def test_a_killed_run_ends_with_the_same_weights_bit_for_bit(zoo, unbroken, killed):
    result = zoo("run", "--resume", killed, "--device", "cpu", "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out) == json.loads((unbroken / "metrics.json").read_text())
    for fold in ("fold-0", "fold-1"):
        for name in ("best.safetensors", "last.safetensors"):
            weights, other = (
                safetensors.torch.load_file(run / "checkpoints" / fold / name) for run in (unbroken, killed)
            )
            assert weights.keys() == other.keys()
            different = [key for key in weights if not torch.equal(weights[key], other[key])]
            assert different == [], f"{fold}/{name}"
    assert (killed / "predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()


def test_a_corrupt_checkpoint_is_one_sentence_whose_advice_helps(zoo, unbroken, killed):
    path = killed / "checkpoints" / "fold-1" / "last.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    result = zoo("run", "--resume", killed, "--device", "cpu")
    assert result.status == 2
    assert f"checkpoint {path} is damaged or was not written by this program" in result.err
    assert result.err.endswith(
        f"; delete the folder {path.parent} and train its fold again (birads-zoo run --resume {killed})\n"
    )
    shutil.rmtree(path.parent)
    assert zoo("run", "--resume", killed, "--device", "cpu").status == 0
    for name in ("predictions.csv", "metrics.json"):
        assert (killed / name).read_bytes() == (unbroken / name).read_bytes()


def test_resume_refuses_what_would_change_the_recipe(zoo, killed):
    result = zoo("run", "--resume", killed, "--epochs", 9, "--no-dropout")
    assert result.status == 2
    assert "leave out what would change it: training.epochs, --no-dropout" in result.err


def test_resume_refuses_another_name(zoo, killed):
    result = zoo("run", "--resume", killed, "--name", "other")
    assert (result.status, result.err) == (
        2,
        "birads-zoo: error: --resume goes on in the run's own folder; leave out --name\n",
    )


def test_resume_refuses_other_data(zoo, killed):
    split = killed / "split.csv"
    split.write_text(split.read_text().replace("test", "train", 1))
    result = zoo("run", "--resume", killed, "--device", "cpu")
    assert result.status == 2
    assert "the rows have changed since" in result.err


def test_resume_refuses_other_pictures(zoo, phantom_root, tmp_path, killed):
    root = tmp_path / "root"
    shutil.copytree(phantom_root, root)
    recipe = killed / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(phantom_root), str(root)))
    picture, other, *_ = sorted((root / "mammograms" / "BIRAD 3").iterdir())
    picture.write_bytes(other.read_bytes())
    result = zoo("run", "--resume", killed, "--device", "cpu")
    assert result.status == 2
    assert "the pictures have changed since" in result.err


def test_a_run_of_an_older_format_cannot_be_resumed(zoo, killed, edited):
    with edited(killed / "environment.json") as values:
        values |= {"format": 1, "pixels": "0123456789abcdef"}  # that of a pixel store
    result = zoo("run", "--resume", killed, "--device", "cpu")
    assert result.status == 2
    assert "in format 1, and this one" in result.err
    assert "the pictures have changed" not in result.err


def test_a_run_in_use_is_left_alone(zoo, killed):
    with filelock.FileLock(killed / ".birads-zoo-lock"):
        result = zoo("run", "--resume", killed, "--device", "cpu")
    assert result.status == 2
    assert f"another process is at work in {killed}" in result.err


def test_a_resumed_run_records_its_device(zoo, killed):
    assert zoo("run", "--resume", killed, "--device", "cpu").status == 0
    environment = json.loads((killed / "environment.json").read_text())
    assert [entry["device"] for entry in environment["resumed"]] == ["cpu"]


def test_what_a_killed_process_left_in_the_run_is_cleared_and_nothing_else(zoo, killed, left_behind):
    folders = [killed, killed / "checkpoints" / "fold-0", killed / "checkpoints" / "fold-1", killed / "figures"]
    left = [left_behind(folder / "last.safetensors") for folder in folders]
    other = killed / "checkpoints" / "fold-1" / ".last-x.safetensors"
    for path in (*left, other):
        path.touch()
    assert zoo("run", "--resume", killed, "--device", "cpu").status == 0
    assert [path for path in left if path.exists()] == []
    assert other.exists()


def test_a_finished_run_that_is_resumed_is_unfinished_until_its_end(zoo, unbroken, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    run = shutil.copytree(unbroken, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "measure", interrupt)
        assert zoo("run", "--resume", run, "--device", "cpu").status == 130
    assert f"{run} is not finished: go on with it" in zoo("report", run).err
    assert zoo("run", "--resume", run, "--device", "cpu").status == 0
    assert zoo("verify", run).status == 0


def test_resume_needs_a_run(zoo, tmp_path):
    result = zoo("run", "--resume", tmp_path)
    assert result.status == 2
    assert "is not a run: it has no recipe.toml" in result.err


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]


@pytest.fixture
def obeyed():
    """Obey signals that this process ignores because it was started in the background, or by nohup."""
    ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def signalled(monkeypatch, obeyed):
    """Send a signal to this process after a given optimiser step: `signalled(number, step)`."""

    def send(number, step):
        update, steps = loop._update, []

        def counting(*arguments):
            update(*arguments)
            steps.append(None)
            if len(steps) == step:
                signal.raise_signal(number)

        monkeypatch.setattr(loop, "_update", counting)

    return send


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGUSR1,
        *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGINT, signal.SIGHUP)),
    ],
    ids=lambda number: number.name,
)
def test_a_signal_ends_a_run_after_its_step_and_it_goes_on_bit_for_bit(
    zoo, unbroken, phantom_root, folder, signalled, number
):
    command = ["run", "--root", phantom_root, *FLAGS, "--name", "mine"]
    before = signal.getsignal(number)
    signalled(number, step=7)
    result = zoo(*command)
    assert result.status == 128 + number
    how = "" if number == signal.SIGINT else f" by {number.name}"
    assert result.err.splitlines()[-2:] == [
        f"birads-zoo: interrupted{how}",
        "birads-zoo: go on with: birads-zoo run --resume runs/mine",
    ]
    assert signal.getsignal(number) == before, "the handler was not restored"
    assert not list(folder.rglob(".mine*"))
    assert zoo(*command).status == 0, "the same command goes on"
    assert (folder / "runs/mine/predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()
    refused = zoo(*command)
    assert (refused.status, "runs/mine is finished; choose another name" in refused.err) == (2, True)


def test_a_signal_while_pictures_are_decoded_ends_at_once_and_leaves_nothing(zoo, phantom_root, folder, monkeypatch):
    from birads_zoo.data import prepare

    build, calls = prepare.build_store, []
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(folder / "cache"))

    def progress(done, total):
        calls.append(done)
        if done == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(prepare, "build_store", lambda index, section, cache, _: build(index, section, cache, progress))
    result = zoo("run", "--root", phantom_root, *FLAGS)
    assert result.status == 128 + signal.SIGTERM
    assert result.err.endswith("birads-zoo: interrupted by SIGTERM\n")
    assert not list(folder.glob("runs/*"))
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_disk_that_fails_once_the_new_run_has_its_name_does_not_start_another_run(
    zoo, phantom_root, folder, monkeypatch
):
    from birads_zoo.files import whole

    def fail(place):
        if place == folder / "runs":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(whole, "_flush_folder", fail)
    result = zoo("run", "--root", phantom_root, *FLAGS, "--out", folder / "runs")
    assert result.status == 2
    assert "Input/output error; check the disk" in result.err
    assert [path.name for path in (folder / "runs").iterdir()] == ["baseline_cnn"]


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "/etc"])
def test_a_name_is_that_of_one_folder(zoo, phantom_root, folder, name):
    result = zoo("run", "--root", phantom_root, *FLAGS, "--name", name)
    assert result.status == 2
    assert "cannot be the name of a folder" in result.err


def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_trained(zoo, phantom_root, folder):
    name = os.fsdecode(b"a\xff")
    result = zoo("run", "--root", phantom_root, *FLAGS, "--name", name)
    sentence = r"a\xff cannot be the name of a run: it is not UTF-8; choose another one"
    assert (result.status, result.err) == (2, f"birads-zoo: error: {sentence}\n")
    with pytest.raises(bz.UserError, match="it is not UTF-8"):
        bz.run(root=phantom_root, name=name)
    assert list(folder.iterdir()) == []


def test_a_name_of_another_recipe_is_refused(zoo, killed, phantom_root):
    result = zoo("run", "--root", phantom_root, *FLAGS, "--seed", 1, "--out", killed.parent, "--name", killed.name)
    assert result.status == 2
    assert "is a run with another recipe (seed = " in result.err
