"""The page of a run in a real browser: what it shows, how it is used, and what it must not reveal."""

import json
import re
import shutil
from dataclasses import replace

import msgspec
import pytest

from birads_zoo.files.documents import encode
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.report.run.page import write_run_page
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.finished import prepare_again, read_run

HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned = 1">',
    "{{ 7 * 7 }} <!-- <script> ${window.pwned = 1}",
    "' onfocus='window.pwned = 1' " + "x" * 80,
)


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory, explained):
    """A copy of the finished run, with heat maps of two explainers."""
    folder = shutil.copytree(finished[0], tmp_path_factory.mktemp("reported") / "run")
    explained(folder, {"grad-cam": True, "eigen-cam": False})
    return folder


@pytest.fixture(scope="module")
def page_of_run(run, zoo):
    result = zoo("report", run)
    assert result.status == 0, result.err
    return run / "report.html"


def test_the_best_possible_is_beside_the_scores(page_of_run, finished):
    best = json.loads((finished[0] / "metrics.json").read_text())["best"]
    page = page_of_run.read_text()
    for metric in ("macro_f1", "macro_auroc"):
        assert f"best possible {best[metric]['value']:.3f} <span" in page


@pytest.fixture(scope="module")
def hostile(finished, tmp_path_factory):
    """The page of a run whose classes, patients and views have names that look like code; pictures of 32×16 pixels."""
    host = load_host()
    run = read_run(finished[0], host)
    data = prepare_again(run, host, Screen())
    labelled = replace(data.labelled, classes=HOSTILE)
    data = replace(data, labelled=labelled, store=replace(data.store, array=data.store.array[:, :, ::2]))
    renamed = dict(zip(run.classes, HOSTILE, strict=True))

    def rename(value):
        if isinstance(value, dict):
            return {rename(key): rename(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [rename(entry) for entry in value]
        if isinstance(value, str):
            for name, other in renamed.items():
                value = value.replace(name, other)
        return value

    test = run.test.rename(columns=rename).replace(renamed)
    test["patient_id"] = HOSTILE[0] + test["patient_id"]
    test["view"] = HOSTILE[1]
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    heat = {"explainers": [], "measures": [], "maps": {}}
    environment = msgspec.structs.replace(run.environment, platform=HOSTILE[0], device_name=HOSTILE[1])
    metrics = msgspec.convert(rename(json.loads(encode(run.metrics))), RunMetrics)
    write_run_page(path, run.recipe, test, metrics, environment, run.history, data, heat, None)
    return path


@pytest.fixture(scope="module")
def content(page_of_run):
    """The data of the page's script."""
    return gallery_of(page_of_run)


def gallery_of(path):
    match = re.search(r'<script type="application/json" id="gallery-data">(.*?)</script>', path.read_text("utf-8"))
    return json.loads(match[1])


def count_shown(page):
    """How many images the gallery says it shows."""
    return int(page.inner_text("#count").split()[0])


def test_the_page_names_no_patient_file_or_folder(run, page_of_run, rows_of, phantom_root):
    page = page_of_run.read_text("utf-8")
    named = {row[key] for row in rows_of(run / "split.csv") for key in ("patient_id", "image_path")}
    named |= {path.rsplit("/", 1)[-1] for path in named}
    named |= {row[key] for row in rows_of(run / "audit.csv") for key in ("patient_id", "image_path")} - {""}
    named |= {row["study_date"] for row in rows_of(run / "predictions.csv")} - {""}
    named |= {str(phantom_root), str(run)}
    assert [name for name in sorted(named) if name in page] == []
    assert 'P001"' in page


def test_a_large_runs_page_shows_the_worst_mistakes_heat_maps_and_some_of_the_rest(
    run, zoo, content, tmp_path, monkeypatch
):
    rows = content["rows"]
    wrong = [row for row in rows if row["true"] != row["called"]]
    worst = sorted(wrong, key=lambda row: (-abs(row["true"] - row["called"]), -max(row["stated"])))
    monkeypatch.setattr("birads_zoo.report.run.gallery._MOST", 12)
    assert zoo("report", run, "--out", tmp_path / "page.html").status == 0
    shown = gallery_of(tmp_path / "page.html")
    numbers = {row["row"] for row in shown["rows"]}
    assert (len(shown["rows"]), len(numbers), shown["of"], content["of"]) == (12, 12, len(rows), len(rows))
    assert numbers >= {row["row"] for row in worst[:4]}
    assert len(numbers & {int(row) for row in content["heat"]["maps"]}) >= 4
    assert {int(row) for row in shown["heat"]["maps"]} <= numbers
    assert f"12 of the {len(rows)} images are shown" in (tmp_path / "page.html").read_text("utf-8")


def test_the_option_patient_ids_shows_them(run, zoo, rows_of, tmp_path):
    assert zoo("report", run, "--patient-ids", "--out", tmp_path / "own" / "page.html").status == 0
    shown = {row["patient"] for row in gallery_of(tmp_path / "own" / "page.html")["rows"]}
    assert shown == {row["patient_id"] for row in rows_of(run / "predictions.csv")}


def test_every_prediction_is_there_as_predictions_csv_has_it(run, content, rows_of):
    rows, classes = rows_of(run / "predictions.csv"), content["classes"]
    assert [entry["row"] for entry in content["rows"]] == [int(row["row"]) for row in rows]
    for entry, row in zip(content["rows"], rows, strict=True):
        assert (classes[entry["true"]], classes[entry["called"]]) == (row["label"], row["predicted"])
        assert entry["stated"] == pytest.approx([float(row[f"probability_{name}"]) for name in classes], abs=1e-4)
        assert [classes[k] for k in entry["set"]] == [name for name in classes if row[f"set_{name}"] == "True"]
    patients = {}
    for entry, row in zip(content["rows"], rows, strict=True):
        assert patients.setdefault(row["patient_id"], entry["patient"]) == entry["patient"]
    assert len(set(patients.values())) == len(patients)


def test_filters_show_the_images_they_name(visit, page_of_run, content, until):
    page, rows = visit(page_of_run), content["rows"]
    assert count_shown(page) == len(rows)
    confidences = sorted(max(row["stated"]) for row in rows)
    middle = round(confidences[len(rows) // 2], 2)
    patient = rows[0]["patient"]
    for name, value, kept in (
        ("true", "1", lambda row: row["true"] == 1),
        ("called", "0", lambda row: row["called"] == 0),
        ("error", "right", lambda row: row["true"] == row["called"]),
        ("error", "severe", lambda row: abs(row["true"] - row["called"]) > 1),
        ("error", "low", lambda row: row["called"] < row["true"]),
        ("error", "outside", lambda row: row["true"] not in row["set"]),
        ("patient", patient, lambda row: row["patient"] == patient),
        ("fold", "2", lambda row: row["fold"] == 2),
    ):
        page.select_option(f"#filters [name={name}]", value)
        assert count_shown(page) == sum(map(kept, rows)), f"{name} = {value}"
        page.click("#filters [type=reset]")
        until(page, f"document.getElementById('count').textContent.startsWith('{len(rows)}')")
    page.fill("#filters [name=least]", str(middle))
    assert count_shown(page) == sum(confidence >= middle - 0.005 for confidence in confidences)
    page.select_option("#filters [name=true]", "2")
    assert count_shown(page) == sum(max(row["stated"]) >= middle - 0.005 and row["true"] == 2 for row in rows)


def test_a_cell_of_the_confusion_matrix_lists_its_images(visit, page_of_run, content):
    page = visit(page_of_run)
    page.click(".confusion button[data-true='1'][data-called='0']")
    assert count_shown(page) == sum((row["true"], row["called"]) == (1, 0) for row in content["rows"])


def test_cards_and_tables_are_sorted(visit, page_of_run, content):
    page, rows = visit(page_of_run), content["rows"]

    def shown():
        return page.eval_on_selector_all("#cards .card", "cards => cards.map(card => Number(card.dataset.row))")

    by_row = {row["row"]: row for row in rows}
    page.select_option("#filters [name=sort]", "row")
    assert shown() == sorted(by_row)[: len(shown())]
    page.select_option("#filters [name=sort]", "sure")
    confidences = [max(by_row[row]["stated"]) for row in shown()]
    assert confidences == sorted(confidences, reverse=True)
    page.select_option("#filters [name=sort]", "worst")
    steps = [abs(by_row[row]["true"] - by_row[row]["called"]) for row in shown()]
    assert steps == sorted(steps, reverse=True)
    names = page.eval_on_selector_all(".per-class tbody th", "heads => heads.map(head => head.textContent.trim())")
    page.click(".per-class th:has-text('recall') button")
    recalls = page.eval_on_selector_all(
        ".per-class tbody tr", "rows => rows.map(row => Number(row.cells[2].dataset.key))"
    )
    assert len(recalls) == len(names)
    assert recalls == sorted(recalls)


def test_a_picture_opens_and_the_keyboard_goes_on(visit, page_of_run, content):
    page = visit(page_of_run)
    page.select_option("#filters [name=sort]", "row")
    rows = sorted(content["rows"], key=lambda row: row["row"])
    page.focus("#cards .card >> nth=0")
    page.keyboard.press("Enter")
    assert page.is_visible("#viewer")

    def listed():
        return page.eval_on_selector_all("#whose dd", "cells => cells.map(cell => cell.textContent)")[1]

    assert listed() == str(rows[0]["row"])
    page.keyboard.press("ArrowRight")
    assert listed() == str(rows[1]["row"])
    stated = page.eval_on_selector_all("#chances tbody tr", "rows => rows.map(row => row.cells[1].textContent)")
    assert stated == [f"{value:.3f}" for value in rows[1]["stated"]]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert listed() == str(rows[-1]["row"])
    page.click("#whose .link")
    assert page.is_hidden("#viewer")
    assert count_shown(page) == sum(row["patient"] == rows[-1]["patient"] for row in rows)
    page.click("#cards .card >> nth=0")
    page.keyboard.press("Escape")
    assert page.is_hidden("#viewer")


def test_pictures_are_never_stretched(visit, hostile):
    for width in (1400, 500):
        page = visit(hostile, viewport={"width": width, "height": 900})
        page.click("#cards .card >> nth=0")
        for frame in ("#viewer .frame", "#cards .frame >> nth=0"):
            shape = page.locator(frame).evaluate("frame => frame.clientWidth / frame.clientHeight")
            assert shape == pytest.approx(16 / 32, rel=0.02), f"{frame} at {width}"
        picture = page.locator("#viewer img").evaluate("img => [img.naturalWidth, img.naturalHeight]")
        assert picture == [16, 32]
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_heat_maps_are_switched_faded_and_shown_with_their_verdict(visit, page_of_run, content, until):
    page = visit(page_of_run)
    page.click("#cards .card >> nth=0")
    assert page.locator("#viewer canvas").count() == 0
    page.keyboard.press("h")
    until(page, "document.querySelector('#viewer canvas')?.width > 0")
    heat = "document.querySelector('#viewer canvas')"
    strongest = (  # of a copy each time: Chromium complains if a canvas is read again and again
        f"(() => {{ const c = {heat}; const copy = new OffscreenCanvas(c.width, c.height).getContext('2d');"
        " copy.drawImage(c, 0, 0); const d = copy.getImageData(0, 0, c.width, c.height).data;"
        " let most = 0; for (let i = 3; i < d.length; i += 4) most = Math.max(most, d[i]); return most; })()"
    )
    until(page, f"{strongest} > 240")
    assert page.inner_text("#viewer .heat-summary").startswith("the verdict on grad-cam · insertion 0.600")
    assert page.locator(".frame.unproven").count() == 0
    page.fill("#viewer .heat-opacity", "0.2")
    assert page.evaluate(f"getComputedStyle({heat}).opacity") == "0.2"
    page.select_option("#viewer .heat-by", "1")
    assert page.locator("#viewer .frame.unproven").count() == 1
    assert "against" in page.get_attribute("#viewer .heat-summary", "class")
    first = content["classes"][content["heat"]["maps"][str(content["rows"][0]["row"])][0][1]]
    assert first in content["classes"]
    page.keyboard.press("Escape")
    until(page, "document.querySelector('#cards canvas')?.width > 0")
    assert page.is_checked(".filters ~ .heat-controls .heat-on")
    page.uncheck(".filters ~ .heat-controls .heat-on")
    assert page.locator("#cards canvas").count() == 0


def test_charts_show_their_values_to_pointer_and_keyboard(visit, page_of_run):
    page = visit(page_of_run)
    page.mouse.move(0, 0)  # a chart that is scrolled under the pointer answers to it
    chart = page.locator("#curves .plot > svg").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    first = page.inner_text("#tip")
    assert "sensitivity" in first
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#tip") != first
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")
    chart.hover()
    chart.hover(position={"x": 60, "y": 40})
    assert page.locator("#tip").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_turns_to_the_other_theme(visit, page_of_run, scheme):
    page = visit(page_of_run, color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.click(".theme")
    assert page.evaluate(ground) != before
    assert page.inner_text(".theme").lower() == scheme


def test_a_page_without_heat_maps_says_how_to_get_them(visit, finished, zoo, tmp_path):
    assert zoo("report", finished[0], "--out", tmp_path / "report.html").status == 0
    page = visit(tmp_path / "report.html")
    assert "birads-zoo explain" in page.inner_text("#explanations")
    assert page.locator(".heat-on").count() == 0


def test_names_from_outside_are_never_code(visit, hostile):
    page, classes = visit(hostile), gallery_of(hostile)["classes"]
    assert classes == list(HOSTILE)
    shown = page.eval_on_selector_all(".per-class tbody .name", "names => names.map(name => name.textContent)")
    assert shown == classes
    page.click("#cards .card >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")  # closing it moves the focus
    page.mouse.move(0, 0)  # a chart that is scrolled under the pointer answers to it
    page.locator("#curves .plot > svg").first.focus()
    page.keyboard.press("ArrowRight")
    assert any(name in page.inner_text("#tip") for name in classes)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('img[onerror]').length") == 0
