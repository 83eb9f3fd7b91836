"""The benchmarks run and write their reports."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from birads_zoo.files import StorageError
from birads_zoo_plugins.explainers import birads_zoo_explainers

BENCH = Path(__file__).parent.parent / "bench"


@pytest.mark.parametrize(
    "arguments",
    [
        ["anatomy.py", "--weights", "weights", "--out"],
        ["ddsm_299.py", "root", "--out"],
        ["ddsm_299_readings.py", "predictions.csv", "root", "--out"],
        ["explain.py", "run", "--out"],
        ["gpu.py", "--out"],
        ["gpu_phantom.py", "--out"],
        ["gpu_tests.py", "--out"],
        ["growth.py", "--out"],
        ["large_store.py", "--out"],
        ["neutral.py", "--figure"],
        ["paper_table.py", "--out"],
        ["peers.py", "--out"],
        ["predict.py", "run", "--out"],
        ["serve.py", "model", "pictures", "--out"],
        ["shards.py", "--out"],
        ["study_predictions.py", "study", "--out"],
        ["throughput.py", "--out"],
        ["zoo.py", "--page"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path, monkeypatch, arguments):
    (tmp_path / "file").touch()
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*arguments, "file/below/place"])
    with pytest.raises(StorageError, match=r"^cannot write "):
        runpy.run_path(str(BENCH / arguments[0]))["main"]()


@pytest.mark.slow
def test_throughput_writes_ratios_with_hardware_versions_and_commit(tmp_path):
    command = [sys.executable, BENCH / "throughput.py", "--backbones", "baseline_cnn", "--augmentations", "paper"]
    small = ["--image-size", "32", "--batch-size", "4", "--steps", "2", "--rounds", "1", "--device", "cpu"]
    subprocess.run([*command, *small, "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "throughput-cpu.json").read_text())
    (row,) = report["results"]
    assert row["ratio"] == pytest.approx(row["trainer"] / row["bare"], rel=0.01)
    assert report["environment"]["versions"]["torch"]
    assert "commit" in report["environment"]
    assert report["environment"]["device_name"]


def test_growth_times_every_part_of_the_evaluation(tmp_path):
    command = [sys.executable, BENCH / "growth.py", "--images", "200", "400", "--pictures", "20", "40"]
    subprocess.run([*command, "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "growth-cpu.json").read_text())
    for name, sizes in (("evaluation", [200, 400]), ("duplicates", [20, 40])):
        assert [row["images"] for row in report[name]] == sizes
        assert report[name][0]["parts"].keys() == report[name][1]["parts"].keys()
        assert report[name][1]["seconds"] == pytest.approx(sum(report[name][1]["parts"].values()), abs=0.01)
        assert "exponent" in report[name][1]
    assert report["environment"]["device_name"]


@pytest.mark.slow
def test_predict_writes_ratios_to_the_bare_pass(finished, tmp_path):
    command = [sys.executable, BENCH / "predict.py", finished[0], "--images", "8", "--batch-size", "4", "--rounds", "1"]
    subprocess.run([*command, "--device", "cpu", "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "predict-cpu-baseline_cnn.json").read_text())
    assert report["ratio"]["bare"] == report["cpu_ratio"]["bare"] == 1
    assert report["ratio"]["store"] > 0
    assert report["networks"] == 2
    assert "arguments" not in report["environment"], "they name the machine's folders"


@pytest.mark.slow
def test_serve_asks_a_real_server_and_writes_speed_and_latency(exported, phantom_root, tmp_path):
    pictures = phantom_root / "mammograms" / "BIRAD 5"
    command = [sys.executable, BENCH / "serve.py", exported, pictures, "--clients", "1", "12", "--requests", "24"]
    subprocess.run([*command, "--rounds", "1", "--device", "cpu", "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "serve-cpu-baseline_cnn-safetensors.json").read_text())
    assert [row["clients"] for row in report["results"]] == [1, 12]
    for row in report["results"]:
        assert sum(row["statuses"].values()) == 24
        assert row["pictures_per_second"] > 0
        assert 0 < row["p50"] <= row["p99"]
    assert (report["format"], report["networks"]) == ("safetensors", 2)
    assert report["environment"]["versions"]["torch"]


@pytest.mark.slow
def test_explain_writes_every_explainers_ratio_to_the_bare_pass(finished, tmp_path):
    command = [sys.executable, BENCH / "explain.py", finished[0], "--images", "4", "--batch-size", "2", "--rounds", "1"]
    subprocess.run([*command, "--device", "cpu", "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "explain-cpu-baseline_cnn.json").read_text())
    assert set(report["ratio"]) == {"bare", "removal", *(spec.name for spec in birads_zoo_explainers())}
    assert report["ratio"]["bare"] == 1
    assert report["images_per_second"]["removal"] > 0


@pytest.mark.filterwarnings("ignore:no validation rows in folds")
@pytest.mark.usefixtures("no_figures", "few_repeats")
def test_the_steps_of_the_gpu_benchmark_run_small_on_any_device(tmp_path, monkeypatch):
    """Run them in this process, without the step that runs tests."""
    monkeypatch.setattr(sys, "exit", lambda failed: pytest.fail("the scores are not alike") if failed else None)
    steps = runpy.run_path(str(BENCH / "gpu.py"))["steps"](True, None, None, tmp_path)
    assert [step.name for step in steps] == ["tests", "throughput", "phantom"]
    for step in steps[1:]:
        monkeypatch.setattr(sys, "argv", step.command[1:])
        runpy.run_path(step.command[1])["main"]()
    assert_reports(tmp_path, [f"gpu-{step.name}.json" for step in steps[1:]])


@pytest.mark.slow  # four processes, each of which imports torch
def test_the_gpu_benchmark_runs_small_on_any_device(tmp_path):
    script = [BENCH / "gpu.sh", "--tiny", "--out", tmp_path]
    ran = subprocess.run(script, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    summary = json.loads((tmp_path / "gpu-summary.json").read_text())
    assert [(step["name"], step["ended"]) for step in summary["steps"]] == [
        ("tests", "done"), ("throughput", "done"), ("phantom", "done")
    ]  # fmt: skip
    assert_reports(tmp_path, [step["file"] for step in summary["steps"]])


def assert_reports(folder, names):
    """Check that each report names its environment, and that the throughput is that of the tiny networks."""
    for name in names:
        report = json.loads((folder / name).read_text())
        assert report["environment"]["versions"]["torch"]
        assert "arguments" not in report["environment"], "they name the machine's folders"
    rates = json.loads((folder / "gpu-throughput.json").read_text())["results"]
    assert {row["backbone"] for row in rates} == {"baseline_cnn", "timm/convnext_atto"}


def a_study_of_two_networks(folder, women=40):
    """Write predictions of women with one marked breast to `folder/runs`, and return their labels.

    One network is always right, the other draws at random.
    """
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(
        [(f"A{w}", side, view) for w in range(women) for side in "LR" for view in ("CC", "MLO")],
        columns=["patient_id", "laterality", "view"],
    )
    rows["image_path"] = [f"{row.patient_id}.{row.laterality}.{row.view}.png" for row in rows.itertuples()]
    marked = rows["laterality"] == np.where(rows["patient_id"].str[-1].astype(int) % 2, "L", "R")
    rows["label"] = np.where(marked, "marked", "unmarked")
    for network, chances in {"right": 0.25 + 0.5 * marked, "timm/draws": generator.random(len(rows))}.items():
        for seed in (0, 1):
            run = folder / "runs" / f"{network}@{seed}".replace("/", "~")
            run.mkdir(parents=True)
            folds = rows["patient_id"].str[1:].astype(int) // (seed + 1) % 2
            table = rows.assign(fold=folds, probability_unmarked=1 - chances, probability_marked=chances)
            table.sample(frac=1, random_state=seed).to_csv(run / "predictions.csv", index=False)
    kinds = np.where(marked, np.where(rows["view"] == "CC", "MASS", "CALCIFICATION"), "")
    return rows[["image_path"]].assign(lesion_types=kinds)


def run_bench(monkeypatch, script, *arguments):
    """Run a script's `main` as from a shell."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(BENCH / script))["main"]()


def test_the_readings_of_ddsm_are_those_of_the_predictions(tmp_path, monkeypatch):
    a_study_of_two_networks(tmp_path / "study").to_csv(tmp_path / "labels.csv", index=False)
    table = tmp_path / "predictions.csv"
    run_bench(monkeypatch, "study_predictions.py", tmp_path / "study", "--out", table)
    run_bench(monkeypatch, "ddsm_299_readings.py", table, tmp_path, "--average", "right", "timm/draws")

    chosen, other, whole = json.loads((tmp_path / "readings.json").read_text()).values()
    averaged = "average of right, timm/draws"
    assert list(whole) == ["right", "timm/draws", "right, seeds averaged", "timm/draws, seeds averaged", averaged]
    right = whole["right"]
    assert chosen["right"]["film"]["women"] + other["right"]["film"]["women"] == right["film"]["women"] == 40
    assert all(reading["value"] == 1 for models in (chosen, other, whole) for reading in models["right"].values())
    assert right["film, masses"]["n"] == right["film, calcifications alone"]["n"] == 120
    assert right["breast"]["n"] == 80

    drawn = pd.read_csv(table)
    drawn["marked"] = drawn["label"] == "marked"
    drawn["odds"] = np.log(drawn["timm/draws, seed 0, marked"] / (1 - drawn["timm/draws, seed 0, marked"]))
    breasts = drawn.groupby(["patient_id", "laterality"]).agg(odds=("odds", "mean"), marked=("marked", "any")).unstack()
    more_left = breasts["odds", "L"] - breasts["odds", "R"]
    readings = whole["timm/draws, seeds averaged"]
    of_two = ((more_left > 0) == breasts["marked", "L"]).mean()
    assert readings["which of two breasts"]["value"] == pytest.approx(of_two, abs=1e-6)
    compared = drawn["patient_id"].map(more_left) * np.where(drawn["laterality"] == "L", 1, -1)
    for name, scores in {"film": drawn["odds"], "film, breasts compared": compared}.items():
        assert readings[name]["value"] == pytest.approx(roc_auc_score(drawn["marked"], scores), abs=1e-6)
    assert whole["timm/draws"]["film"]["low"] < 0.5 < whole["timm/draws"]["film"]["high"]


def test_predictions_of_runs_that_were_split_differently_keep_their_folds(tmp_path, monkeypatch):
    for split, folds in {"patient": [0, 0, 1, 1], "image": [0, 1, 0, 1]}.items():
        run = tmp_path / "study" / "runs" / f"net@0@{split}"
        run.mkdir(parents=True)
        rows = pd.DataFrame({"image_path": list("abcd"), "patient_id": ["1", "1", "2", "2"], "laterality": "L"})
        rows = rows.assign(view=["CC", "MLO"] * 2, label=["x", "y", "z", "x"], fold=folds)
        rows = rows.assign(probability_x=0.2, probability_y=0.3, probability_z=0.5)
        rows.to_csv(run / "predictions.csv", index=False)
    run_bench(monkeypatch, "study_predictions.py", tmp_path / "study", "--out", tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["fold, net@patient, seed 0"].tolist() == [0, 0, 1, 1]
    assert table["fold, net@image, seed 0"].tolist() == [0, 1, 0, 1]
    assert table["net@image, seed 0, z"].tolist() == [0.5] * 4
