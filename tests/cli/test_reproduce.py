"""A finished run is repeated and compared, and `verify` finds what was changed."""

import json
import shutil

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(finished[0], tmp_path / "copied")


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


def test_verify_accepts_what_was_written_and_names_what_was_changed(zoo, copied):
    result = zoo("verify", copied)
    assert (result.status, result.out) == (0, "")
    for name in ("predictions.csv", "figures/roc-curves.png", "checkpoints/fold-1/best.safetensors"):
        content = bytearray((copied / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copied / name).write_bytes(content)
    (copied / "split.csv").unlink()
    result = zoo("verify", copied)
    assert result.status == 1
    assert sorted(line.split(" ")[0].removeprefix(f"{copied}/") for line in result.out.splitlines()) == [
        "checkpoints/fold-1/best.safetensors",
        "figures/roc-curves.png",
        "predictions.csv",
        "split.csv",
    ]


def test_verify_checks_models_and_the_cache(zoo, exported, tmp_path, monkeypatch, finished):
    assert zoo("verify", exported).status == 0
    assert zoo("verify").status == 0, "the cache of the finished run"
    model = shutil.copytree(exported, tmp_path / "model")
    weights = next(model.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    result = zoo("verify", model)
    assert result.status == 1
    assert f"{weights} has been changed since it was exported" in result.out
    assert zoo("verify", tmp_path).status == 2
