"""A patient's exam as one sample: trained, explained, reported, exported and predicted."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from birads_zoo.artifact.manifest import read_manifest
from birads_zoo.explanation.files import read_explanations

EXAMS = ["dataset.views=exam", "dataset.level=patient", "dataset.target=suspicious", "model.fusion=attention"]
NAMES = ["L_CC", "L_MLO", "R_CC", "R_MLO"]
WEIGHTS = [f"view_weight_{name}" for name in NAMES]


@pytest.fixture(scope="module")
def exams(zoo, phantom_root, rows_of, tmp_path_factory):
    """A run on the phantom's exams, with pictures of 48×32 pixels, and its predictions."""
    out = tmp_path_factory.mktemp("exams")
    result = zoo(
        *("run", "--root", phantom_root, "--backbone", "baseline_cnn", "--image-size", "48x32", "--epochs", 1),
        *("--folds", 2, "--device", "cpu", "--out", out, *(part for setting in EXAMS for part in ("--set", setting))),
    )
    assert result.status == 0, result.err
    run = out / "baseline_cnn"
    return SimpleNamespace(folder=run, rows=rows_of(run / "predictions.csv"), result=result)


@pytest.fixture(scope="module")
def explained(exams, zoo):
    result = zoo("explain", exams.folder, "--device", "cpu", "--limit", 3)
    assert result.status == 0, result.err
    return read_explanations(exams.folder)


@pytest.fixture(scope="module")
def table(exams, phantom_root, tmp_path_factory):
    """A table of some exams' pictures: one with all four, one with two of them, and a picture of no known view."""
    rows = []
    for patient in dict.fromkeys(row["patient_id"] for row in exams.rows):
        for file in sorted((phantom_root / "mammograms").rglob(f"*{patient}*.jpg")):
            view, side = file.stem.replace(" ", "").split("_")[-2:]
            rows.append({"image_path": str(file), "patient_id": patient, "laterality": side, "view": view})
    whole = next(row["patient_id"] for row in exams.rows if min(float(row[name]) for name in WEIGHTS) > 0)
    other = next(row["patient_id"] for row in exams.rows if row["patient_id"] != whole)
    chosen = [row for row in rows if row["patient_id"] == whole]
    chosen += [row for row in rows if row["patient_id"] == other and row["laterality"] == "L"]
    chosen.append(chosen[0] | {"view": ""})
    path = tmp_path_factory.mktemp("table") / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(chosen[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return SimpleNamespace(path=path, rows=chosen, whole=whole)


def test_an_exam_is_one_row_in_every_table(exams, rows_of):
    assert exams.rows
    patients = [row["patient_id"] for row in exams.rows]
    assert len(set(patients)) == len(patients), "the phantom's women have one exam each"
    assert all(row["laterality"] == row["view"] == "" for row in exams.rows)
    split = rows_of(exams.folder / "split.csv")
    assert {row["row"] for row in split} == {row["row"] for row in exams.rows}
    dropped = [row for row in rows_of(exams.folder / "audit.csv") if row["reason"] == "contradicting labels"]
    assert dropped, "some of the phantom's women have a finding in one breast alone"
    assert all("in row" in row["detail"] for row in dropped)
    assert not {row["patient_id"] for row in dropped} & set(patients)
    made = f"pictures make {len(exams.rows)} exams"
    assert made in exams.result.err


def test_the_predictions_hold_the_weight_of_each_view(exams):
    for row in exams.rows:
        weights = [float(row[name]) for name in WEIGHTS]
        assert sum(weights) == pytest.approx(1, abs=1e-3)
        assert min(weights) >= 0


def test_levels_finer_than_an_exam_have_no_metrics(exams):
    metrics = json.loads((exams.folder / "metrics.json").read_text())
    assert metrics["level"] == "patient"
    assert metrics["levels"]["breast"] is None
    assert metrics["levels"]["patient"]["n"] == metrics["n"] == metrics["patients"] == len(exams.rows)
    assert set(metrics["subgroups"]["attributes"]) <= {"density", "age", "year"}
    assert f"{len(exams.rows)} exams" in exams.result.out
    assert "breast is known" not in exams.result.out


def test_every_picture_of_an_exam_is_explained_by_itself(exams, explained):
    table = explained.table
    assert table["row"].is_unique
    by_patient = table.groupby("patient_id")
    assert len(by_patient) == 3
    assert by_patient["fold"].nunique().max() == 1
    assert {(side, view) for side, view in zip(table["laterality"], table["view"], strict=True)} <= {
        tuple(name.split("_")) for name in NAMES
    }
    rows, maps = explained.maps("grad-cam")
    assert rows.tolist() == table["row"].tolist()
    assert maps.shape == (len(table), 48, 32)
    assert explained.explanations.n == len(table) > 6
    assert explained.explanations.of > len(exams.rows)
    assert (table["probability"].groupby(table["patient_id"]).nunique() == 1).all(), "it is the exam's, not a picture's"


def test_the_page_shows_an_exams_pictures_side_by_side(exams, explained, zoo, tmp_path):
    result = zoo("report", exams.folder, "--out", tmp_path / "report.html")
    assert result.status == 0, result.err
    page = (tmp_path / "report.html").read_text()
    assert '"width": 128' in page, "four pictures of 32 pixels"
    assert '"height": 48' in page


@pytest.fixture(scope="module")
def predicted(exams, explained, table, zoo, rows_of, tmp_path_factory):
    """The rows that both formats of the model predict for the table, and the folder of the models."""
    if torch.__version__ < "2.7":
        pytest.skip("ONNX needs PyTorch 2.7")
    out, rows = tmp_path_factory.mktemp("models"), {}
    for kind, more in (("safetensors", ["--explain"]), ("onnx", [])):
        result = zoo("export", exams.folder, "--format", kind, "--out", out / kind, "--device", "cpu")
        assert result.status == 0, result.err
        result = zoo("predict", out / kind, table.path, "--out", out / f"{kind}.csv", "--device", "cpu", *more)
        assert result.status == 1, "the row that fits nowhere"
        assert "3 exams: " in result.err
        rows[kind] = rows_of(out / f"{kind}.csv")
    return SimpleNamespace(folder=out, **rows)


def test_an_exported_model_predicts_exams_from_a_table(predicted, table):
    whole, half, lost = predicted.safetensors
    assert whole["image_path"] == next(row["image_path"] for row in table.rows if row["view"] == "CC")
    assert lost["error"].startswith("in no sample: side or view not used: laterality 'L' and view ''")
    assert min(float(whole[name]) for name in WEIGHTS) > 0
    assert [float(half[name]) for name in WEIGHTS[2:]] == [0, 0], "the right breast is not there"
    assert "2 of 4 views: R_CC, R_MLO not given" in half["warnings"]
    assert "views:" not in whole["warnings"]
    assert sum(float(half[name]) for name in WEIGHTS) == pytest.approx(1, abs=1e-3)


def test_both_formats_predict_the_same(predicted):
    for row, other in zip(predicted.safetensors[:2], predicted.onnx[:2], strict=True):
        for name in (column for column in row if column.startswith(("probability_", "view_weight_"))):
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-3), name


def test_heat_maps_of_an_exam_lie_side_by_side_and_are_empty_where_there_is_no_picture(predicted):
    whole, half, _ = predicted.safetensors
    for row in (whole, half):
        with Image.open(predicted.folder / "safetensors-heat-maps" / row["heat_map"]) as image:
            sheet = np.asarray(image.convert("L"), float)
        assert sheet.shape[1] > 4 * 448 * 32 / 48, "four pictures wide, twice"
    assert read_manifest(predicted.folder / "onnx").recipe.dataset.level == "patient"
    assert "both views of both breasts" in (predicted.folder / "onnx" / "model_card.md").read_text()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["dataset.level=patient"], "makes other samples: set dataset.level to 'image', or dataset.views to 'exam'"),
        (["dataset.level=breast", "dataset.views=exam"], "set dataset.level to 'image', or dataset.views to 'breast'"),
        (
            ["dataset.level=patient", "dataset.views=exam", "model.fusion=difference"],
            "no picture comes first: use 'mean', 'max', 'concat' or 'attention'",
        ),
    ],
)
def test_invalid_levels_are_one_sentence(refused, phantom_root, settings, sentence):
    message = refused("run", "--root", phantom_root, *(part for setting in settings for part in ("--set", setting)))
    assert sentence in message
