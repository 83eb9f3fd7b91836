"""`birads-zoo report`: the files that it writes, and its errors."""

import json
import shutil

import pytest
from PIL import Image

PRINTED = {"class-distribution", "confusion-matrix", "learning-curves", "reliability", "roc-curves", "pr-curves"}


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "run")


def test_the_page_is_written_into_the_run_and_its_size_is_printed(zoo, copied):
    result = zoo("report", copied)
    assert result.status == 0, result.err
    assert f"report: {copied / 'report.html'} (" in result.err
    assert (copied / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_report_of_an_unfinished_run_is_an_error(zoo, copied):
    (copied / "complete.json").unlink()
    result = zoo("report", copied)
    assert result.status == 2
    assert f"{copied} is not finished: go on with it (birads-zoo run --resume {copied}) first" in result.err


def test_data_that_has_moved_is_found_again_by_its_root(zoo, copied, phantom_root, finish_again, tmp_path):
    recipe = copied / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace(str(phantom_root), str(tmp_path / "gone")), encoding="utf-8")
    finish_again(copied)
    result = zoo("report", copied)
    assert result.status == 2
    assert str(tmp_path / "gone") in result.err
    assert not (copied / "report.html").exists()
    result = zoo("report", copied, "--root", phantom_root)
    assert result.status == 0, result.err


def test_other_data_than_the_runs_is_refused(zoo, copied, finish_again):
    split = copied / "split.csv"
    split.write_text(split.read_text("utf-8").replace(",test", ",train", 1), encoding="utf-8")
    finish_again(copied)
    result = zoo("report", copied)
    assert result.status == 2
    assert "the rows have changed" in result.err


@pytest.mark.parametrize("form", ["png", pytest.param("svg", marks=pytest.mark.slow)])
def test_figures_alone_are_made_for_print_and_name_no_patient(zoo, copied, tmp_path, form, monkeypatch):
    from birads_zoo.report.drawing import pictures

    captions = []
    caption = pictures._caption
    monkeypatch.setattr(
        pictures,
        "_caption",
        lambda *arguments, **options: (captions.append(arguments[2]), caption(*arguments, **options)),
    )
    result = zoo("report", copied, "--figures", form, "--out", tmp_path / "print")
    assert result.status == 0, result.err
    assert not (copied / "report.html").exists()
    ending = "@2x.png" if form == "png" else ".svg"
    files = {path.name.removesuffix(ending): path for path in (tmp_path / "print").iterdir()}
    assert files.keys() >= PRINTED
    assert "grad-cam" not in files
    for path in files.values():
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
    assert any(text.startswith("P0") for text in captions)
