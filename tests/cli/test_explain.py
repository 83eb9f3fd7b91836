"""`birads-zoo explain`: what it prints, the files that it writes, and its errors."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from birads_zoo.explanation.files import COLUMNS, read_explanations

STUB = """
from birads_zoo import ExplainerSpec, hookimpl

def build(classifier):
    return lambda images, targets, present: {returned}

@hookimpl
def birads_zoo_explainers():
    return [ExplainerSpec(name="{name}", summary="brightness", build=build)]
"""


@pytest.fixture(scope="module")
def explained(finished, tmp_path_factory, zoo):
    """A copy of the finished run, explained by all explainers, and what was printed."""
    run = shutil.copytree(finished[0], tmp_path_factory.mktemp("explained") / "run")
    return run, zoo("explain", run, "--limit", 12, "--device", "cpu")


def test_it_leaves_maps_scores_overlays_and_verdicts(explained, rows_of):
    run, result = explained
    assert result.status == 0, result.err
    read = read_explanations(run)
    assert read.table.columns.tolist() == list(COLUMNS)
    assert (read.explanations.n, len(read.table)) == (12, 12)
    rows, maps = read.maps("grad-cam")
    assert rows.tolist() == read.table["row"].tolist()
    assert (maps.shape, maps.dtype) == ((12, 32, 32), np.float16)
    predictions = {row["row"]: row for row in rows_of(run / "predictions.csv")}
    for row in rows_of(read.folder / "explanations.csv"):
        known = predictions[row["row"]]
        for column in ("image_path", "patient_id", "fold", "label", "predicted"):
            assert row[column] == known[column]
        marked = row["pointing"] != ""
        assert marked == (row["label"] != "BI-RADS 1")  # every other phantom has a lesion
        assert row["explained"] == row["label" if marked else "predicted"]
        assert float(row["probability"]) == pytest.approx(float(known[f"probability_{row['explained']}"]), abs=0.02)
        with Image.open(read.folder / row["overlay"]) as overlay:
            assert overlay.format == "PNG"
    grad_cam = read.explanations.explainers["grad-cam"]
    assert grad_cam.n_lesions == (read.table["pointing"].notna()).sum()
    assert read.table["faithful"].unique().tolist() == [{True: "True", False: "False", None: ""}[grad_cam.faithful]]


def test_a_person_gets_a_table_with_the_verdict(explained):
    run, result = explained
    assert "12 of" in result.out
    assert "grad-cam " + read_explanations(run).explanations.explainers["grad-cam"].verdict in result.out
    for words in ("deletion, lower is better (n = 12)", "points into a lesion", "gain over centred", "random weights"):
        assert words in result.out
    assert str(run / "explanations") in result.err.replace("\n", "")


def test_another_call_replaces_what_was_there_and_json_is_all_on_stdout(explained, tmp_path, zoo):
    run = shutil.copytree(explained[0], tmp_path / "run")
    plugin = tmp_path / "bright.py"
    plugin.write_text(STUB.format(name="bright", returned="images[:, :, 0]"))
    (run / "explanations-new").mkdir()  # somebody's own
    result = zoo("explain", run, "--limit", 4, "--device", "cpu", "--explainer", "bright", "--plugin", plugin, "--json")
    assert result.status == 0, result.err
    assert result.out == (run / "explanations" / "explanations.json").read_text()
    assert not (run / "explanations" / "grad-cam.npz").exists()
    bright = json.loads(result.out)["explainers"]["bright"]
    assert bright["faithful"] is None  # of 4 patients at most
    assert bright["depends_on_weights"] is False
    assert [path.name for path in run.glob("*explanations?*")] == ["explanations-new"]


def test_what_was_there_stays_when_an_explainer_fails(explained, tmp_path, zoo):
    run = shutil.copytree(explained[0], tmp_path / "run")
    plugin = tmp_path / "broken.py"
    plugin.write_text(STUB.format(name="broken", returned="images[:, :, 0] / 0"))
    result = zoo("explain", run, "--limit", 4, "--device", "cpu", "--explainer", "broken", "--plugin", plugin)
    assert result.status == 2
    assert "heat maps hold values that are not finite" in result.err
    assert read_explanations(run).explanations.n == 12


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--explainer", "grad-cm"], "unknown explainer 'grad-cm'; did you mean 'grad-cam'"),
        (["--limit", "0"], "--limit '0': give a number of images, 1 or more, or all"),
        (["--limit", "many"], "--limit 'many': give a number of images, 1 or more, or all"),
        (["--root", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_sentence(explained, zoo, arguments, text):
    result = zoo("explain", explained[0], *arguments)
    assert result.status == 2
    assert text in result.err
    assert "Traceback" not in result.err


def test_a_folder_that_is_not_a_run_is_an_error(zoo, tmp_path):
    result = zoo("explain", tmp_path)
    assert result.status == 2
    assert "is not a run: it has no recipe.toml" in result.err
