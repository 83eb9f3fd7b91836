"""The benchmark runs and writes what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
