"""No cell of a run's tables calculates anything in a spreadsheet, and all of them are read back as they were."""

import csv

import numpy as np
import pytest
from PIL import Image

from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.runs.finished import prepare_again, read_run
from birads_zoo.study.gather import gather

PATIENTS = ["=1+1", "+2", "-3", "@4", "'=5", "'6", "=HYPERLINK(0)", "8"]


@pytest.fixture
def run(zoo, tmp_path, no_figures):
    """A finished run of pictures whose names, patients and classes begin as formulas do, and its data's rows."""
    root = tmp_path / "root"
    root.mkdir()
    rows = [("image_path", "patient_id", "label")]
    for number, patient in enumerate(PATIENTS):
        for side in range(2):
            name = f"{'=+-@'[number % 4]}{number}-{side}.png"
            grey = np.random.default_rng(len(rows)).integers(60, 200, (32, 32), dtype=np.uint8)
            Image.fromarray(grey).save(root / name)
            rows.append((name, patient, "=a" if number % 2 else "@b"))
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
    data = ["--dataset", "csv", "--root", root, "--backbone", "baseline_cnn"]
    result = zoo("run", *data, *small, "--out", tmp_path, "--name", "run")
    assert result.status == 0, result.err
    return tmp_path / "run", rows[1:]


def test_ids_paths_and_classes_are_safe_in_a_spreadsheet_and_read_back(run, rows_of):
    folder, rows = run
    tables = sorted(folder.glob("*.csv"))
    assert [path.name for path in tables] == ["audit.csv", "predictions.csv", "split.csv", "validation.csv"]
    for path in tables:
        for row in rows_of(path):
            texts = [text for name, text in row.items() if name in ("image_path", "patient_id", "label", "predicted")]
            assert not any(text.startswith(tuple("=+-@")) for text in texts), path.name
    read = read_run(folder, load_host())
    assert sorted(zip(read.test["image_path"], read.test["patient_id"], read.test["label"], strict=True)) == sorted(
        rows
    )
    assert set(read.test["predicted"]) <= set(read.classes) == {"=a", "@b"}
    assert set(gather([folder]).patients) == set(PATIENTS)
    prepare_again(read, load_host(), Screen())  # compares split.csv with the data
