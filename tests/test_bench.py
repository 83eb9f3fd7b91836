"""The benchmarks run and write what they promise."""

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

from birads_zoo_plugins.explainers import birads_zoo_explainers

BENCH = Path(__file__).parent.parent / "bench"


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
def test_explain_writes_every_explainers_ratio_to_the_bare_pass(finished, tmp_path):
    command = [sys.executable, BENCH / "explain.py", finished[0], "--images", "4", "--batch-size", "2", "--rounds", "1"]
    subprocess.run([*command, "--device", "cpu", "--out", tmp_path], check=True, capture_output=True)
    report = json.loads((tmp_path / "explain-cpu-baseline_cnn.json").read_text())
    assert set(report["ratio"]) == {"bare", "removal", *(spec.name for spec in birads_zoo_explainers())}
    assert report["ratio"]["bare"] == 1
    assert report["images_per_second"]["removal"] > 0


@pytest.mark.filterwarnings("ignore:no validation rows in folds")
@pytest.mark.usefixtures("no_figures", "few_repeats")
def test_the_steps_of_what_a_gpu_has_to_show_run_small_on_any_device(tmp_path, monkeypatch):
    """In this process, and without the step that runs tests."""
    monkeypatch.setattr(sys, "exit", lambda failed: pytest.fail("the scores are not alike") if failed else None)
    steps = runpy.run_path(str(BENCH / "gpu.py"))["steps"](True, None, None, tmp_path)
    assert [step.name for step in steps] == ["tests", "throughput", "phantom"]
    for step in steps[1:]:
        monkeypatch.setattr(sys, "argv", step.command[1:])
        runpy.run_path(step.command[1])["main"]()
    assert_reports(tmp_path, [f"gpu-{step.name}.json" for step in steps[1:]])


@pytest.mark.slow  # four processes, each of which imports torch
def test_what_a_gpu_has_to_show_runs_small_on_any_device(tmp_path):
    script = [BENCH / "gpu.sh", "--tiny", "--out", tmp_path]
    ran = subprocess.run(script, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    summary = json.loads((tmp_path / "gpu-summary.json").read_text())
    assert [(step["name"], step["ended"]) for step in summary["steps"]] == [
        ("tests", "done"), ("throughput", "done"), ("phantom", "done")
    ]  # fmt: skip
    assert_reports(tmp_path, [step["file"] for step in summary["steps"]])


def assert_reports(folder, names):
    """Check that each report says on what it was made, and that the throughput is that of the tiny networks."""
    for name in names:
        report = json.loads((folder / name).read_text())
        assert report["environment"]["versions"]["torch"]
        assert "arguments" not in report["environment"], "they name the machine's folders"
    rates = json.loads((folder / "gpu-throughput.json").read_text())["results"]
    assert {row["backbone"] for row in rates} == {"baseline_cnn", "timm/convnext_atto"}


def a_study_of_two_networks(folder, women=40):
    """Marked breasts of some women in `folder/runs`, by a network that is right and one that draws; their labels."""
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(
        [(f"A{w}", side, view) for w in range(women) for side in "LR" for view in ("CC", "MLO")],
        columns=["patient_id", "laterality", "view"],
    )
    rows["image_path"] = [f"{row.patient_id}.{row.laterality}.{row.view}.png" for row in rows.itertuples()]
    marked = rows["laterality"] == np.where(rows["patient_id"].str[-1].astype(int) % 2, "L", "R")
    rows["label"] = np.where(marked, "marked", "unmarked")
    for network, chances in {"right": 0.25 + 0.5 * marked, "draws": generator.random(len(rows))}.items():
        for seed in (0, 1):
            run = folder / "runs" / f"{network}-{seed}"
            run.mkdir(parents=True)
            (run / "recipe.toml").write_text(f'seed = {seed}\n[model]\nbackbone = "{network}"\n')
            folds = rows["patient_id"].str[1:].astype(int) // (seed + 1) % 2
            table = rows.assign(fold=folds, probability_marked=chances)
            table.sample(frac=1, random_state=seed).to_csv(run / "predictions.csv", index=False)
    kinds = np.where(marked, np.where(rows["view"] == "CC", "MASS", "CALCIFICATION"), "")
    return rows[["image_path"]].assign(lesion_types=kinds)


def test_the_readings_of_ddsm_are_those_of_the_predictions(tmp_path, monkeypatch):
    a_study_of_two_networks(tmp_path / "study").to_csv(tmp_path / "labels.csv", index=False)
    arguments = ["ddsm_299_readings.py", tmp_path / "study", tmp_path, "--out", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", [*map(str, arguments)])
    runpy.run_path(str(BENCH / "ddsm_299_readings.py"))["main"]()

    readings = json.loads((tmp_path / "out" / "readings.json").read_text())
    chosen, other, whole = readings["right"].values()
    assert chosen["image"]["women"] + other["image"]["women"] == whole["image"]["women"] == 40
    assert all(reading["value"] == 1 for population in (chosen, other, whole) for reading in population.values())
    assert whole["image, masses"]["n"] == whole["image, calcifications alone"]["n"] == 120
    assert whole["breast"]["n"] == 80

    drawn = pd.read_csv(tmp_path / "out" / "predictions.csv")
    means = drawn.groupby(["patient_id", "laterality"]).agg(mean=("draws, seed 0", "mean"), marked=("marked", "any"))
    sides = means.unstack()
    right = ((sides["mean", "L"] > sides["mean", "R"]) == sides["marked", "L"]).mean()
    found = readings["draws"]["all women"]
    assert found["which of two breasts, seeds averaged"]["value"] == pytest.approx(right, abs=1e-6)
    assert found["image, seeds averaged"]["value"] == pytest.approx(
        roc_auc_score(drawn["marked"], drawn["draws, seed 0"]), abs=1e-6
    )
    assert found["image"]["low"] < 0.5 < found["image"]["high"]
