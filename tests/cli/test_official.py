"""The split that comes with a data set, from folders named train and test to the figures."""

import json
import shutil
from collections import Counter

import pytest

SMALL = ["--image-size", "32x32", "--epochs", "1", "--device", "cpu"]
PATIENT = r"_(BC\d+)_"


@pytest.fixture(scope="module")
def parted(phantom_root, tmp_path_factory):
    """Pictures of two classes in train/ and test/: three patients in four to train on, in the order of their ids."""
    root = tmp_path_factory.mktemp("parted")
    for category in ("3", "5"):
        files = sorted((phantom_root / "mammograms" / f"BIRAD {category}").glob("*.jpg"))
        patients = sorted({file.name.split("_")[1] for file in files})
        tested = patients[-max(len(patients) // 4, 1) :]
        for file in files:
            part = "test" if file.name.split("_")[1] in tested else "train"
            (root / part / category).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / part / category / file.name)
    return root


def run_on(zoo, root, out, *more):
    data = ["--dataset", "image-folder", "--root", root, "--patient-pattern", PATIENT]
    return zoo("run", *data, "--backbone", "baseline_cnn", *SMALL, "--split", "official", "--out", out, *more)


@pytest.mark.usefixtures("no_figures")
def test_every_figure_is_of_the_official_test_rows(zoo, parted, tmp_path, rows_of):
    result = run_on(zoo, parted, tmp_path)
    assert result.status == 0, result.err
    rows = rows_of(tmp_path / "baseline_cnn" / "predictions.csv")
    for row in rows:
        assert row["image_path"].startswith("test/") == (row["part"] == "test")
    metrics = json.loads((tmp_path / "baseline_cnn" / "metrics.json").read_text())
    assert (metrics["split"], metrics["folds"], metrics["leaky"]) == ("official", 1, False)
    assert metrics["n"] == Counter(row["part"] for row in rows)["test"] == len([*parted.glob("test/*/*.jpg")])
    assert "official split, n = " in result.out


def test_a_data_set_without_one_is_refused(zoo, phantom_root, tmp_path):
    result = zoo("run", "--root", phantom_root, "--backbone", "baseline_cnn", "--split", "official", "--out", tmp_path)
    assert result.status == 2
    assert "this data set has no official split: use --split patient" in result.err
