"""What a tracker gets, and that it cannot change the run."""

import contextlib
import dataclasses
import json
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from birads_zoo import pipeline
from birads_zoo.errors import RunStoppedError, UserError
from birads_zoo.interfaces import Stop, TrackerSpec
from birads_zoo.plugin.host import Registered, load_host
from birads_zoo.progress import Screen
from birads_zoo.randomness import kept_state
from birads_zoo.recipe import Recipe, TrackingSection, changed_fields, shaping, shareable
from birads_zoo.recipes.compose import compose, parse_settings, retrack
from birads_zoo.recipes.registry import load_registry
from birads_zoo.report.run.figures import figures_of_numbers
from birads_zoo.runs.folder import read_metrics
from birads_zoo.runs.tracking import headline

PLUGIN = """
from birads_zoo import Options, TrackerSpec, hookimpl

class Settings(Options, frozen=True, kw_only=True):
    level: int = 1

@hookimpl
def birads_zoo_trackers():
    return [
        TrackerSpec(name="plain", summary="s", build=print, options=Settings),
        TrackerSpec(name="bare", summary="s", build=print),
        TrackerSpec(name="needy", summary="s", build=print, requires=("json", "no_such_library")),
        TrackerSpec(name="kept", summary="s", build=print, requires=("no_such_library",), install="acme-zoo[kept]"),
    ]
"""


@pytest.fixture
def host(tmp_path):
    (tmp_path / "trackers.py").write_text(PLUGIN)
    return load_host([tmp_path / "trackers.py"])


@pytest.fixture
def made(host, tmp_path):
    registry = load_registry(tmp_path)
    return lambda *settings: compose("default", parse_settings(settings), (), registry, host)


def test_random_state_is_restored_even_after_an_error():
    def draw():
        torch.manual_seed(1)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    with contextlib.suppress(ValueError), kept_state():
        draw()
        raise ValueError("no luck")
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_the_main_metrics_are_those_of_metrics_json(finished):
    metrics = json.loads((finished[0] / "metrics.json").read_text())
    flat = headline(read_metrics(finished[0]))
    assert flat["macro_f1"] == metrics["macro"]["f1"]
    assert flat["weighted_recall"] == metrics["weighted"]["recall"]
    assert [flat["macro_f1_low"], flat["macro_f1_high"]] == metrics["intervals"]["scores"]["macro_f1"]
    assert flat["gain_macro_auroc"] == metrics["gain"]["macro_auroc"]["value"]
    assert flat["gain_macro_f1_high"] == metrics["gain"]["macro_f1"]["high"]
    assert (flat["n"], flat["patients"]) == (metrics["n"], metrics["patients"])
    assert all(type(value) is float for value in flat.values())
    assert not [name for name in flat if "BI-RADS" in name]


def test_undefined_metrics_are_left_out(finished):
    metrics = read_metrics(finished[0])
    scores = metrics.intervals.scores | {"macro_f1": None}
    undefined = replace(
        metrics,
        kappa_quadratic=None,
        intervals=replace(metrics.intervals, scores=scores),
        gain=replace(metrics.gain, macro_f1=None),
    )
    gone = set(headline(metrics)) - set(headline(undefined))
    assert {"kappa_quadratic", "macro_f1_low", "macro_f1_high", "gain_macro_f1", "gain_macro_f1_low"} <= gone
    assert "macro_f1" in headline(undefined)


def test_the_figures_that_trackers_get_show_no_pictures_of_patients(finished):
    given = figures_of_numbers(finished[0] / "figures")
    assert {path.stem for path in (finished[0] / "figures").iterdir()} - given.keys() == {
        "grad-cam",
        "misclassified",
        "sample-grid",
    }
    assert all(path.is_file() and path.stem == name for name, path in given.items())


class Stopper:
    """A tracker of a loop in Python, such as a tuning loop; it has no plugin."""

    def __init__(self):
        self.losses, self.ended = [], ""

    def started(self, run):
        self.run = run

    def epoch(self, record):
        self.losses.append(record.val_loss)
        return Stop("no hope")

    def finished(self, run, metrics):
        raise AssertionError("it was stopped")

    def failed(self, reason):
        self.ended = reason


def test_a_loop_in_python_can_stop_a_run_and_sees_why_it_ended(phantom_root, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "permutation_tests", lambda *arguments: {})
    stopper = Stopper()
    spec = TrackerSpec(name="stopper", summary="s", build=lambda context: stopper)
    host = dataclasses.replace(load_host(), trackers={"stopper": Registered(spec, "this loop")})
    changes = {
        "dataset.root": str(phantom_root), "model.backbone": "baseline_cnn", "split.folds": 2, "training.epochs": 3,
        "image.height": 32, "image.width": 32, "tracking.trackers": ["stopper"],
    }  # fmt: skip
    recipe = compose("default", changes, ["no-dropout"], load_registry(tmp_path), host)
    with pytest.raises(RunStoppedError) as stopped:
        pipeline.run(recipe, host, tmp_path, "cpu", Screen())
    error = stopped.value
    assert (error.tracker, error.reason, error.fold, error.epoch) == ("stopper", "no hope", 0, 1)
    assert error.folder == stopper.run.folder == tmp_path / "baseline_cnn+no-dropout"
    assert len(stopper.losses) == 1
    assert stopper.ended == "stopped"
    assert stopper.run.run_id == "baseline_cnn+no-dropout"
    assert stopper.run.recipe["model"]["dropout"] == 0.0, "the ablation is not in the recipe"
    assert stopper.run.recipe["dataset"]["root"] == ""
    assert stopper.run.classes == ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")
    split = (error.folder / "split.csv").read_text().splitlines()[1:]
    assert sum(stopper.run.counts) == len(split) / stopper.run.folds


# ── The recipe ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_trackers_and_their_options_are_checked_and_completed(made):
    recipe = made('tracking.trackers=["plain"]')
    assert recipe.tracking.trackers == ("plain",)
    assert recipe.tracking.options == {"plain": {"level": 1}}
    assert made("tracking.options.plain.level=3").tracking.options == {"plain": {"level": 3}}


def test_options_of_trackers_that_are_not_in_use_are_left_out_unchecked(tmp_path, made):
    stale = replace(made("seed=3"), tracking=TrackingSection(trackers=("gone",), options={"gone": {"level": 3}}))
    registry, host = load_registry(tmp_path), load_host()
    none = {"tracking.trackers": []}
    assert compose(stale, none, (), registry, host) == made("seed=3")
    assert retrack(stale, none, host) == made("seed=3")
    with pytest.raises(UserError, match="unknown tracker 'gone'"):
        retrack(stale, {}, host)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('tracking.trackers=["plian"]', "unknown tracker 'plian'; did you mean 'plain'?"),
        ('tracking.trackers=["plain", "plain"]', "tracker 'plain' is named twice; name it once"),
        ("tracking.options.plian.level=2", "unknown tracker 'plian'; did you mean 'plain'?"),
        ("tracking.options.plain.levle=2", "tracker 'plain' has no option 'levle'; did you mean 'level'?"),
        (
            "tracking.options.plain.level=high",
            "tracker 'plain': key 'tracking.options.plain.level': expected an integer, got text",
        ),
        ("tracking.options.bare.level=2", "tracker 'bare' has no option 'level'; it has no options"),
        ("tracking.tracker=plain", "did you mean 'tracking.trackers'"),
        (
            'tracking.trackers=["needy"]',
            "tracker 'needy' needs the package no_such_library: pip install 'no_such_library'",
        ),
        (
            'tracking.trackers=["kept"]',
            "tracker 'kept' needs the package no_such_library: pip install 'acme-zoo[kept]'",
        ),
    ],
)
def test_a_mistake_in_tracking_is_one_sentence(made, setting, message):
    with pytest.raises(UserError) as error:
        made(setting)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "trackio", "wandb"])
def test_a_bundled_tracker_without_its_package_says_what_to_install(made, monkeypatch, name):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(UserError) as error:
        made(f'tracking.trackers=["{name}"]')
    assert str(error.value) == f"tracker {name!r} needs the package {name}: pip install 'birads-zoo[{name}]'"


def test_tracking_is_not_among_the_fields_that_shape_a_result(made):
    tracked = made('tracking.trackers=["plain"]', "tracking.options.plain.level=3")
    assert changed_fields(made(), tracked) == {}
    assert tracked.run_id == made().run_id
    assert "tracking" not in shaping(tracked)
    assert shareable(tracked).tracking == Recipe().tracking


def test_the_shared_part_of_a_recipe_names_no_files():
    named = {"dataset.root": "/home/x", "dataset.options": {"table": "/home/y"}, "model.weights": "/home/z"}
    assert "/home" not in str(shaping(shareable(Recipe().replace(named))))


def test_a_stopped_runs_recipe_can_get_other_trackers(made, host):
    recipe = made('tracking.trackers=["plain"]', "training.epochs=3")
    other = retrack(recipe, {"tracking.trackers": ["bare"]}, host)
    assert other.tracking.trackers == ("bare",)
    assert changed_fields(recipe, other) == {}
    with pytest.raises(UserError, match="unknown tracker 'bear'"):
        retrack(recipe, {"tracking.trackers": ["bear"]}, host)


def test_the_error_of_a_stop_survives_being_sent_to_another_process():
    error = RunStoppedError("stopper", "too slow", Path("runs/x"), 1, 3)
    again = pickle.loads(pickle.dumps(error))
    assert (again.tracker, again.reason, again.folder, again.fold, again.epoch) == error.args
    assert str(again) == (
        "stopped by tracker 'stopper' after epoch 3 of fold 2: too slow;"
        " to go on with it: birads-zoo run --resume runs/x"
    )
