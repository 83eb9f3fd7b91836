"""A finished run is repeated, and the results are compared bit by bit."""

import json
import shutil

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("no_figures")


def test_the_same_machine_gives_the_same_bits(zoo, finished, folder):
    result = zoo("reproduce", finished[0], "--device", "cpu")
    assert result.status == 0, result.err
    n = len(pd.read_csv(finished[0] / "predictions.csv"))
    assert result.out.splitlines()[0] == f"bit-equal: {n} predictions and the weights of 2 networks"
    written = json.loads((folder / "runs" / "baseline_cnn" / "reproduction.json").read_text())
    assert written["equal"] is True


def test_other_results_are_reported_with_what_may_explain_them(zoo, finished, folder, monkeypatch):
    from birads_zoo.runs import environment
    from birads_zoo.training import loop

    original, version = loop.learning_rate, environment.version
    monkeypatch.setattr(loop, "learning_rate", lambda *arguments: 1.01 * original(*arguments))
    monkeypatch.setattr(environment, "version", lambda name: "9.9" if name == "torch" else version(name))
    result = zoo("reproduce", finished[0], "--device", "cpu")
    assert result.status == 1, result.err
    assert result.out.startswith("not bit-equal: ")
    assert "the weights of 2 of 2 networks differ" in result.out
    assert "what was not the same: " in result.out
    assert f"torch {version('torch')} then, 9.9 now" in result.out


def test_other_data_is_refused(zoo, finished, folder, phantom_root):
    moved = shutil.copytree(phantom_root, folder / "data")
    picture = next(path for path in sorted(moved.rglob("*.jpg")) if path.stat().st_size > 1000)
    picture.write_bytes(next(path for path in sorted(moved.rglob("*.jpg"), reverse=True)).read_bytes())
    result = zoo("reproduce", finished[0], "--root", moved, "--device", "cpu")
    assert result.status == 2
    assert "have changed since" in result.err
    assert not (folder / "runs").exists()
