"""Runs and studies with trackers: what trackers see, that none changes a result, and that one can stop a run."""

import json
import re
import tempfile
import tomllib
from pathlib import Path

import pytest

from birads_zoo import pipeline
from birads_zoo.results.stopped import Stopped
from birads_zoo.runs.folder import read_stopped
from birads_zoo.training import loop

SMALL = ["--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "3", "--device", "cpu"]
LOG = (Path(__file__).parents[2] / "examples" / "plugins" / "log.py").read_text()
CALLS = ["build", "started", "epoch", "finished"]
UNRULY = '''
"""Trackers that do what no tracker should: each one thing, in one of its calls or in all of them."""
import random

from birads_zoo import TrackerSpec, hookimpl


class Unruly:
    def __init__(self, when, deed):
        self.when, self.deed = when, deed
        self.call("build")

    def call(self, name):
        return self.deed() if self.when in (name, "always") else None

    def started(self, run):
        return self.call("started")

    def epoch(self, record):
        return self.call("epoch")

    def finished(self, run, metrics):
        return self.call("finished")

    def failed(self, reason):
        return self.call("failed")


def fail():
    raise RuntimeError("no\\nluck")


def leave():
    raise SystemExit(3)


def draw():
    import numpy
    import torch

    torch.manual_seed(9), torch.rand(3), numpy.random.rand(2), random.random(), print("drawn")


DEEDS = {f"fails-{call}": (call, fail) for call in ("build", "started", "epoch", "finished")}
DEEDS |= {"leaves": ("epoch", leave), "answers": ("epoch", lambda: True), "draws": ("always", draw)}


@hookimpl
def birads_zoo_trackers():
    return [
        TrackerSpec(name=name, summary="s", build=lambda context, when=when, deed=deed: Unruly(when, deed))
        for name, (when, deed) in DEEDS.items()
    ]
'''
ALL_EPOCHS = [(fold, epoch) for fold in (0, 1) for epoch in (1, 2, 3)]


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Runs without figures, heat maps and tests of shortcuts, which take most of the time of such a small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "draw_all", lambda *given: None)
        patch.setattr(pipeline, "explain_fold", lambda *given: None)
        patch.setattr(pipeline, "permutation_tests", lambda *given: {})
        yield


@pytest.fixture
def log(folder):
    """The flags that use the example tracker, which is in the working directory."""
    (folder / "log.py").write_text(LOG)
    return ["--plugin", "log.py", "--tracker", "log"]


@pytest.fixture(scope="module")
def plain(zoo, phantom_root, tmp_path_factory):
    """The folder of a run without trackers."""
    out = tmp_path_factory.mktemp("plain")
    result = zoo("run", "--root", phantom_root, *SMALL, "--out", out)
    assert result.status == 0, result.err
    return out / "baseline_cnn"


@pytest.fixture(scope="module")
def crowd(zoo, phantom_root, tmp_path_factory):
    """The folder of a run with unruly trackers and a good one, and what was printed."""
    out = tmp_path_factory.mktemp("crowd")
    (out / "unruly.py").write_text(UNRULY)
    (out / "log.py").write_text(LOG)
    names = ["draws", *(f"fails-{call}" for call in CALLS), "leaves", "answers", "log"]
    flags = [flag for name in names for flag in ("--tracker", name)]
    plugins = ["--plugin", out / "unruly.py", "--plugin", out / "log.py"]
    result = zoo("run", "--root", phantom_root, *SMALL, *plugins, *flags, "--out", out, "--json")
    assert result.status == 0, result.err
    return out / "baseline_cnn", result


def calls(run):
    return [json.loads(line) for line in (run / "log" / "calls.jsonl").read_text().splitlines()]


def epochs(run):
    return [(call["fold"], call["epoch"]) for call in calls(run) if call["call"] == "epoch"]


def assert_same_results(run, other):
    for name in ("predictions.csv", "validation.csv", "metrics.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name


def test_a_tracker_follows_a_run_to_its_end(crowd):
    run, result = crowd
    first, *middle, last = calls(run)
    assert first == {"call": "started", "run_id": "baseline_cnn", "folds": 2, "resumed": False}
    assert epochs(run) == ALL_EPOCHS
    history = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert middle == [{"call": "epoch", **epoch} for epoch in history]
    metrics = json.loads(result.out)
    assert (last["call"], last["macro_f1"], last["n"]) == ("finished", metrics["macro"]["f1"], metrics["n"])


def test_trackers_that_fail_and_draw_leave_the_results_as_they_are_without_any(crowd, plain):
    assert_same_results(crowd[0], plain)


@pytest.mark.parametrize(
    ("name", "call", "sentence"),
    [
        *((f"fails-{call}", call, "RuntimeError: no luck (line ") for call in CALLS),
        ("leaves", "epoch", "SystemExit: 3 (line "),
        ("answers", "epoch", "TypeError: it returned a value of type bool, not None or a Stop"),
    ],
)
def test_a_tracker_that_fails_is_named_once(crowd, name, call, sentence):
    run, printed = crowd
    (warning,) = [line for line in printed.err.splitlines() if f"tracker {name!r}" in line]
    assert warning.startswith(
        f"birads-zoo: warning: tracker {name!r} (plugin {run.parent / 'unruly.py'}) failed in `{call}`, "
        f"and the run goes on without it: {sentence}"
    )


def test_what_a_tracker_prints_stays_off_stdout(crowd):
    _, result = crowd
    assert result.err.count("drawn") == 1 + 1 + len(ALL_EPOCHS) + 1
    assert "tracker 'draws'" not in result.err


# ── Stopping, failing and resuming ───────────────────────────────────────────────────────────────────────────────


def test_a_tracker_can_stop_a_run_that_can_then_go_on_without_it(zoo, phantom_root, folder, log, plain):
    result = zoo("run", "--root", phantom_root, *SMALL, *log, "--set", "tracking.options.log.give_up=0.1")
    run = Path("runs/baseline_cnn")
    (loss,) = re.findall(r"a validation loss of (\S+);", result.err)
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines()[-1] == (
        "birads-zoo: error: stopped by tracker 'log' after epoch 1 of fold 1: "
        f"a validation loss of {loss}; to go on with it: birads-zoo run --resume {folder / run}"
    )
    reason = f"a validation loss of {loss}"
    assert read_stopped(run) == Stopped(tracker="log", reason=reason, fold=0, epoch=1)
    kept = {path.name for path in (run / "checkpoints" / "fold-0").iterdir()}
    assert kept == {"best.safetensors", "last.safetensors"}
    assert calls(run)[-1] == {"call": "failed", "reason": "stopped"}
    assert not (run / "metrics.json").exists()
    assert f"{run} is not finished (tracker 'log' stopped it: {reason}): go on with it" in zoo("report", run).err

    resume = ["run", "--resume", run, "--plugin", "log.py", "--device", "cpu"]
    result = zoo(*resume)
    assert "stopped by tracker 'log' after epoch 2 of fold 1" in result.err, "an epoch of before must not stop it again"
    assert epochs(run) == [(0, 1), (0, 2)]
    assert calls(run)[0]["resumed"]

    result = zoo("run", "--resume", run, "--device", "cpu", "--no-tracker")  # without its plugin
    assert result.status == 0, result.err
    assert read_stopped(run) is None
    assert epochs(run) == [(0, 1), (0, 2)], "a tracker that is not in use was called"
    assert_same_results(run, plain)


def test_a_run_that_is_interrupted_says_so_and_a_resumed_one_gives_all_its_epochs(
    zoo, phantom_root, log, plain, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    one_epoch, begun = loop._one_epoch, []

    def dying(*arguments):
        begun.append(None)
        if len(begun) == 5:
            raise KeyboardInterrupt
        return one_epoch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_one_epoch", dying)
        result = zoo("run", "--root", phantom_root, *SMALL, *log)
    run = Path("runs/baseline_cnn")
    assert result.status == 130
    assert epochs(run) == ALL_EPOCHS[:4]
    assert calls(run)[-1] == {"call": "failed", "reason": "interrupted"}
    result = zoo("run", "--resume", run, "--plugin", "log.py", "--device", "cpu")
    assert result.status == 0, result.err
    assert calls(run)[0]["resumed"]
    assert epochs(run) == ALL_EPOCHS
    assert_same_results(run, plain)


def test_a_run_that_fails_gives_the_class_of_the_error_and_a_tracker_can_come_later(
    zoo, phantom_root, log, plain, tmp_path, monkeypatch
):
    def failing(*given):
        raise ZeroDivisionError("/home/someone/picture.png")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "measure", failing)
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        assert zoo("run", "--root", phantom_root, *SMALL, *log).status == 70
    run = Path("runs/baseline_cnn")
    assert calls(run)[-1] == {"call": "failed", "reason": "ZeroDivisionError"}
    (run / "recipe.toml").write_text((run / "recipe.toml").read_text().replace('trackers = ["log"]', "trackers = []"))
    result = zoo("run", "--resume", run, *log, "--device", "cpu")
    assert result.status == 0, result.err
    assert epochs(run) == ALL_EPOCHS
    assert calls(run)[-1]["call"] == "finished"
    assert_same_results(run, plain)

    result = zoo("run", "--resume", run, *log, "--epochs", 5)
    assert result.err.endswith("leave out what would change it: training.epochs\n")


@pytest.mark.parametrize("command", ["run", "compare", "ablate", "leakage"])
def test_a_tracker_and_none_contradict_each_other(zoo, folder, command):
    result = zoo(command, "--backbone", "baseline_cnn", "--tracker", "tensorboard", "--no-tracker")
    assert result.err == "birads-zoo: error: --no-tracker and --tracker contradict each other; leave one of them out\n"


@pytest.mark.parametrize("command", ["run", "compare", "ablate", "leakage"])
def test_a_wrong_tracker_is_refused_before_anything_is_read(zoo, folder, command):
    result = zoo(command, "--backbone", "baseline_cnn", "--root", "nowhere", "--tracker", "tensorbord")
    assert result.err == "birads-zoo: error: unknown tracker 'tensorbord'; did you mean 'tensorboard'?\n"
    assert list(folder.iterdir()) == []


# ── Studies ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_study_tracks_each_of_its_runs_and_a_stopped_one_is_a_row(zoo, phantom_root, folder, log):
    picky = LOG.replace("(record.val_loss or 0) <= self.give_up", "'no-dropout' not in str(self.path)")
    assert picky != LOG
    (folder / "log.py").write_text(picky)
    study = ["ablate", "--root", phantom_root, *SMALL, "--seeds", 1, "--ablations", "no-dropout", "--out", "study"]
    result = zoo(*study, *log)
    assert result.status == 0, result.err
    runs = folder / "study" / "runs"
    assert calls(runs / "baseline_cnn@0")[-1]["call"] == "finished"
    assert calls(runs / "baseline_cnn+no-dropout@0")[-1] == {"call": "failed", "reason": "stopped"}
    assert "[2/2] baseline_cnn+no-dropout@0 · stopped: seed 0: stopped by tracker 'log' after epoch 1" in result.err
    assert "stopped by tracker 'log'" in result.out
    assert str(folder) not in result.out
    assert not (folder / "study" / "errors").exists()
    assert "tracking" not in tomllib.loads((folder / "study" / "study.toml").read_text())["variants"]["baseline_cnn"]

    result = zoo(*study)  # without trackers it is the same study
    assert result.status == 0, result.err
    assert "1 of 2 runs are finished already" in result.err
    assert (runs / "baseline_cnn+no-dropout@0" / "metrics.json").exists()
