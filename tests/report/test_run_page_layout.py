"""The page of a run on wide and narrow screens, its scroll position, and its notes on missing data."""

import json
import re
import shutil

import pytest

LEFT_OUT = 5
MEASURES = (
    "deletion",
    "road",
    "insertion",
    "energy_in_breast",
    "breast_share",
    "pointing",
    "energy_in_lesion",
    "rank_correlation",
    "ssim",
)


@pytest.fixture(scope="module")
def page_of(finished, tmp_path_factory, explained, edited, zoo):
    """Make the page of the finished run: no heat maps for its first rows, and one temperature for all folds."""

    def report(temperature: float | None):
        folder = shutil.copytree(finished[0], tmp_path_factory.mktemp("laid") / "run")
        explained(folder, {"grad-cam": False}, left_out=LEFT_OUT)
        with edited(folder / "explanations" / "explanations.json") as explanations:
            explainer = explanations["explainers"]["grad-cam"]
            explainer["verdict"] = "does not beat its baselines: no gain shown over centre in deletion and insertion"
            explainer["scores"] = {key: {"value": 0.5, "low": 0.4, "high": 0.6} for key in MEASURES}
            explainer["baselines"] = dict.fromkeys(("random", "centre", "brightness", "untrained"), explainer["scores"])
        with edited(folder / "metrics.json") as metrics:
            for fold in metrics["calibration"]["folds"]:
                fold["temperature"] = temperature
        result = zoo("report", folder)
        assert result.status == 0, result.err
        return folder / "report.html"

    return report


@pytest.fixture(scope="module")
def plain(page_of):
    return page_of(None)


@pytest.fixture(scope="module")
def recalibrated(page_of):
    return page_of(1.5)


def test_closing_a_picture_keeps_the_scroll_position(visit, plain):
    page = visit(plain)
    page.wait_for_selector("#worst-cards img")
    for step in ("", "ArrowRight"):
        page.click("#worst-cards .card >> nth=0")
        before = page.evaluate("scrollY")
        if step:
            page.keyboard.press(step)
        page.keyboard.press("Escape")
        page.wait_for_selector("#worst-cards .card:first-child:focus")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("scrollY") == before


def test_a_narrow_screen_scrolls_downwards_only(visit, plain):
    page = visit(plain, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_no_table_is_cut_off_at_1280_pixels(visit, plain):
    page = visit(plain, viewport={"width": 1280, "height": 900})
    boxes = page.eval_on_selector_all(
        ".scroll", "all => all.map(element => [element.ariaLabel, element.scrollWidth, element.clientWidth])"
    )
    assert "Scores of the explainers" in {name for name, *_ in boxes}
    assert [name for name, within, width in boxes if within > width] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_probability_has_a_bar_of_one_length_in_both_columns(visit, recalibrated, width):
    page = visit(recalibrated, viewport={"width": width, "height": 900})
    page.click("#cards .card >> nth=0")
    heads = page.eval_on_selector_all("#chances thead th", "heads => heads.map(head => head.textContent)")
    assert heads == ["class", "stated", "recalibrated", "in set"]
    for row in page.locator("#chances tbody tr").all():
        stated, again = row.evaluate("row => [1, 2].map(at => row.cells[at].clientWidth)")
        assert stated == pytest.approx(again, abs=1)
    fits = "heads => heads.every(head => head.scrollWidth <= head.clientWidth)"
    assert page.eval_on_selector_all("#chances thead th", fits)


def test_where_no_fold_was_recalibrated_the_viewer_says_so(visit, plain, recalibrated):
    page = visit(plain)
    page.click("#cards .card >> nth=0")
    assert page.locator("#chances th:has-text('recalibrated')").count() == 0
    assert page.locator("#chances tbody tr").first.locator("td").count() == 2
    assert "not recalibrated: too few validation patients" in page.inner_text("#viewer")
    page = visit(recalibrated)
    page.click("#cards .card >> nth=0")
    assert "not recalibrated" not in page.inner_text("#viewer")


def test_an_image_that_was_not_explained_is_marked_while_heat_maps_are_on(visit, plain):
    match = re.search(r'<script type="application/json" id="gallery-data">(.*?)</script>', plain.read_text("utf-8"))
    content = json.loads(match[1])
    bare = {row["row"] for row in content["rows"]} - {int(row) for row in content["heat"]["maps"]}
    assert len(bare) == LEFT_OUT
    page = visit(plain, viewport={"width": 1400, "height": 5000})
    page.select_option("#filters [name=sort]", "row")
    page.wait_for_selector("#cards .card:last-child img", state="attached")
    marked = "cards => cards.filter(card => card.querySelector('.unexplained')).map(card => Number(card.dataset.row))"
    assert page.eval_on_selector_all("#cards .card", marked) == []
    page.check("#predictions .heat-on")
    assert set(page.eval_on_selector_all("#cards .card", marked)) == bare
    word = "frame => getComputedStyle(frame, '::after').content"
    assert page.locator("#cards .unexplained").first.evaluate(word) == '"not explained"'
    for row in (min(bare), next(row["row"] for row in content["rows"] if row["row"] not in bare)):
        page.click(f"#cards [data-row='{row}']")
        assert page.locator("#viewer .unexplained").count() == (row in bare)
        page.keyboard.press("Escape")


def test_nothing_is_left_in_the_pages_global_scope(visit, plain, tmp_path):
    (tmp_path / "empty.html").write_text("<!doctype html><title>empty</title>", encoding="utf-8")
    own = "Object.getOwnPropertyNames(window)"
    assert set(visit(plain).evaluate(own)) - set(visit(tmp_path / "empty.html").evaluate(own)) == set()
