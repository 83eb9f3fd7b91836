"""Where a device's precisions differ by network, a few steps choose the fastest, once for each network and machine."""

import json
import threading
import time

import pytest
import torch

import birads_zoo as bz
from birads_zoo.devices import choose_compute
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe
from birads_zoo.training import step_times
from birads_zoo.training.step_times import choose_precision

NAMES = {"bfloat16", "bfloat16-except-depthwise", "float32"}
SMALL = Recipe().replace(
    {"image.height": 32, "image.width": 32, "model.backbone": "baseline_cnn", "training.batch_size": 2}
)


@pytest.fixture(scope="module")
def host():
    return load_host()


@pytest.fixture
def native(monkeypatch):
    """A CPU that computes in bfloat16 natively."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)


@pytest.fixture
def steps(native, monkeypatch):
    """Give each precision a duration, and list the steps that are taken: `steps.seconds`, `steps.taken`."""

    class Steps:
        def __init__(self):
            self.taken, self.seconds = [], {"bfloat16": 2.0, "bfloat16-except-depthwise": 1.0, "float32": 3.0}

        def __call__(self, classifier, images, compute):
            assert classifier.training
            self.taken.append((compute.precision_name, tuple(images.shape)))
            return self.seconds[compute.precision_name]

    monkeypatch.setattr(step_times, "_step", Steps())
    return step_times._step


def chosen(host, cache, changes=None):
    recipe = SMALL.replace(changes or {})
    return choose_precision(recipe, host, 2, choose_compute("cpu", "auto"), cache, Screen()).precision_name


def test_a_device_with_one_precision_needs_no_steps(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    assert chosen(None, tmp_path) == "float32"
    assert list(tmp_path.iterdir()) == []


def test_the_precision_with_the_shortest_step_is_chosen_and_kept(steps, host, tmp_path):
    assert chosen(host, tmp_path) == "bfloat16-except-depthwise"
    assert {name for name, _ in steps.taken} == NAMES
    steps.seconds["float32"] = 0.5
    count = len(steps.taken)
    assert (chosen(host, tmp_path), len(steps.taken)) == ("bfloat16-except-depthwise", count), "kept, not tried again"
    assert chosen(host, tmp_path, {"image.width": 40}) == "float32", "another shape is tried"
    assert steps.taken[-1][1] == (2, 1, 1, 32, 40)


def test_processes_that_start_at_once_choose_the_same(steps, host, tmp_path, monkeypatch):
    later = threading.Thread(target=lambda: names.append(chosen(host, tmp_path)))
    names, take = [], step_times._time

    def slow(*given):
        if not later.is_alive() and not later.ident:
            later.start()
            time.sleep(0.5)  # the other one finds no file, and waits
        times = take(*given)
        steps.seconds["float32"] = 0.5  # what it would find if it took the steps itself
        return times

    monkeypatch.setattr(step_times, "_time", slow)
    names.append(chosen(host, tmp_path))
    later.join()
    assert names == ["bfloat16-except-depthwise"] * 2


def test_a_folder_that_cannot_be_written_keeps_nothing(steps, host, tmp_path):
    (tmp_path / "precisions").touch()
    assert chosen(host, tmp_path) == "bfloat16-except-depthwise"


def test_a_damaged_file_is_made_again(steps, host, tmp_path):
    chosen(host, tmp_path)
    (file,) = (tmp_path / "precisions").glob("*.json")
    good = file.read_bytes()
    file.write_text(json.dumps(json.loads(good) | {"seconds": {"float32": 0.0}}))
    assert "changed" in "".join(bz.verify(tmp_path))
    assert chosen(host, tmp_path) == "bfloat16-except-depthwise"
    assert file.read_bytes() == good
    assert bz.verify(tmp_path) == ()


def test_real_steps_draw_nothing_from_the_global_generator(native, host, tmp_path):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert chosen(host, tmp_path) in NAMES
    assert torch.equal(torch.get_rng_state(), before)
    (file,) = (tmp_path / "precisions").glob("*.json")
    assert set(json.loads(file.read_text())["seconds"]) == NAMES


def test_a_run_records_the_precision_that_it_found_and_a_resumed_run_keeps_it(steps, zoo, phantom_root, tmp_path):
    run = ["run", "--dataset", "phantom", "--root", phantom_root, "--backbone", "baseline_cnn", "--device", "cpu"]
    run += ["--image-size", "32x32", "--folds", "2", "--epochs", "1", "--set", "training.batch_size=7"]
    steps.seconds["float32"] = 0.5
    assert zoo(*run, "--out", tmp_path, "--name", "run").status == 0
    about = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert about["precision"] == "float32"
    (tmp_path / "run" / "complete.json").unlink()
    taken, steps.seconds["float32"] = len(steps.taken), 9.0
    assert zoo("run", "--resume", tmp_path / "run", "--device", "cpu").status == 0
    about = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert [session["precision"] for session in about["resumed"]] == ["float32"]
    assert len(steps.taken) == taken
