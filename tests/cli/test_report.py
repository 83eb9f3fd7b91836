"""`birads-zoo report`: what it writes where, and what it says when it cannot."""

import json
import shutil

import pytest
from PIL import Image

PRINTED = {"class-distribution", "confusion-matrix", "learning-curves", "reliability", "roc-curves", "pr-curves"}


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "run")


def test_the_page_lies_in_the_run_and_its_size_is_said(zoo, copied):
    said = zoo("report", copied)
    assert said.status == 0, said.err
    assert f"report: {copied / 'report.html'} (" in said.err
    assert (copied / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_run_that_is_not_finished_is_told_to_go_on(zoo, copied):
    (copied / "metrics.json").unlink()
    said = zoo("report", copied)
    assert said.status == 2
    assert f"{copied} is not finished: go on with it (birads-zoo run --resume {copied}) first" in said.err


def test_data_that_has_moved_is_found_again_by_its_root(zoo, copied, phantom_root, tmp_path):
    recipe = copied / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace(str(phantom_root), str(tmp_path / "gone")), encoding="utf-8")
    said = zoo("report", copied)
    assert said.status == 2
    assert str(tmp_path / "gone") in said.err
    assert not (copied / "report.html").exists()
    said = zoo("report", copied, "--root", phantom_root)
    assert said.status == 0, said.err


def test_other_data_than_the_runs_is_refused(zoo, copied):
    split = copied / "split.csv"
    split.write_text(split.read_text("utf-8").replace(",test", ",train", 1), encoding="utf-8")
    said = zoo("report", copied)
    assert said.status == 2
    assert "the rows have changed" in said.err


@pytest.mark.parametrize("form", ["png", pytest.param("svg", marks=pytest.mark.slow)])
def test_figures_alone_are_made_for_print_and_name_no_patient(zoo, copied, tmp_path, form, monkeypatch):
    from birads_zoo.report.drawing import pictures

    captions = []
    caption = pictures._caption
    monkeypatch.setattr(pictures, "_caption", lambda *said, **how: (captions.append(said[2]), caption(*said, **how)))
    said = zoo("report", copied, "--figures", form, "--out", tmp_path / "print")
    assert said.status == 0, said.err
    assert not (copied / "report.html").exists()
    ending = "@2x.png" if form == "png" else ".svg"
    made = {path.name.removesuffix(ending): path for path in (tmp_path / "print").iterdir()}
    assert made.keys() >= PRINTED
    assert "grad-cam" not in made
    for path in made.values():
        if form == "svg":
            assert "<svg" in path.read_text("utf-8")[:1000]
        else:
            with Image.open(path) as picture:
                assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    rows = (copied / "predictions.csv").read_text("utf-8").splitlines()[1:]
    patients = {row.split(",")[2] for row in rows}
    metrics = json.loads((copied / "metrics.json").read_text("utf-8"))
    assert metrics["accuracy"] < 1, "this run has mistakes to draw"
    assert not patients & set(captions)
    assert any(said.startswith("P0") for said in captions)
