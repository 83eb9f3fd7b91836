"""The page in a real browser: a user drops a picture and reads the answer, and nothing else is requested."""

import re
from contextlib import contextmanager

import pytest

from birads_zoo.serving.access import access_for

pytest.importorskip("uvicorn", reason="uvicorn is not installed (make install)")


@pytest.fixture(scope="module")
def address(running, queue):
    with running(queue) as address:
        yield address


LISTENS = """() => {
    const dragged = (name) => document.body.dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true}));
    dragged("dragenter");
    const seen = document.querySelector(".zoo-over") !== null;
    dragged("dragleave");
    return seen;
}"""
"""The page is shown before its script runs, which reacts to files that are dragged over it."""


@contextmanager
def opened_page(browser, address, until, **options):
    """Open the page, with options of the browser's context. Fails on console errors and requests to another host."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 950}, **options)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    # The browser reports the status of a refusal on its console.
    expected = re.compile(r"status of 4\d\d")
    opened.on(
        "console", lambda message: expected.search(message.text) or wrong.append(f"{message.type}: {message.text}")
    )
    opened.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    allowed = (address, "data:", f"blob:{address}")
    context.on("request", lambda request: request.url.startswith(allowed) or wrong.append(f"requested {request.url}"))
    context.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    opened.goto(address)
    opened.locator("#zoo-limits").wait_for()
    until(opened, f"({LISTENS})()")
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def page(browser, address, until):
    with opened_page(browser, address, until) as opened:
        assert opened.get_by_text("Drop a mammogram", exact=True).is_visible()
        yield opened


def drop(page, name, content):
    page.locator(".zoo-drop input").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": content})


def test_a_dropped_picture_is_answered(page, mammogram, queue, left_in):
    drop(page, "../../no-such-file-of-birads-zoo.jpg", mammogram)
    page.locator(".zoo-predicted").wait_for()
    assert page.locator(".zoo-predicted").inner_text() in queue.model.classes
    rows = page.locator(".zoo-chances tbody tr")
    assert [row.locator("th").inner_text() for row in rows.all()] == list(queue.model.classes)
    assert all(re.fullmatch(r"\d+ %", row.locator("td").nth(1).inner_text()) for row in rows.all())
    assert page.locator(".zoo-set span").count() >= 1
    assert page.get_by_text("Research use only").count() == 2
    assert page.get_by_text("Similar training cases").is_visible()
    assert left_in(queue.folder) == []


def test_the_heat_map_covers_the_picture_with_the_chosen_opacity(page, mammogram, until):
    assert not page.get_by_label("Heat map").is_visible()
    drop(page, "x.jpg", mammogram)
    heat = page.locator(".zoo-heat")
    heat.wait_for()
    picture = page.locator(".zoo-frame img").first
    assert heat.bounding_box() == pytest.approx(picture.bounding_box(), abs=1)
    assert heat.evaluate("element => getComputedStyle(element).opacity") == "0.75"
    page.get_by_label("Heat map").uncheck()
    until(page, "getComputedStyle(document.querySelector('.zoo-heat')).opacity === '0'")
    page.get_by_label("Heat map").check()
    until(page, "getComputedStyle(document.querySelector('.zoo-heat')).opacity === '0.75'")
    slider = page.locator("#heat input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    until(page, "getComputedStyle(document.querySelector('.zoo-heat')).opacity === '0.76'")


def test_every_example_is_answered_by_mouse_and_by_key(page):
    examples = page.locator(".zoo-example")
    assert examples.count() == 4
    for number, example in enumerate(examples.all()):
        page.evaluate("document.getElementById('zoo-stage').replaceChildren()")
        if number % 2:
            example.focus()
            page.keyboard.press("Enter")
        else:
            example.click()
        page.locator(".zoo-predicted").wait_for()


def test_a_file_that_is_not_a_picture_is_refused_and_the_next_picture_answered(page, mammogram):
    drop(page, "<img src=x onerror=alert(1)>.jpg", b"<script>alert(1)</script>" * 9)
    page.get_by_role("alert").wait_for()
    assert "this picture cannot be used: does not decode" in page.get_by_role("alert").inner_text()
    assert not page.get_by_label("Heat map").is_visible()
    drop(page, "large.jpg", bytes(1_000_001))
    page.get_by_text("larger than 1 megabytes").wait_for()
    drop(page, "good.jpg", mammogram)
    page.locator(".zoo-predicted").wait_for()


def test_a_file_dropped_anywhere_is_taken(page, queue, mammogram):
    page.evaluate(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "x.jpg"));
            const options = {dataTransfer: carried, bubbles: true, cancelable: true};
            document.body.dispatchEvent(new DragEvent("drop", options));
        }""",
        list(mammogram),
    )
    page.locator(".zoo-predicted").wait_for()
    assert page.locator(".zoo-predicted").inner_text() in queue.model.classes


def test_the_docs_open(page, address):
    page.goto(f"{address}docs")
    assert page.locator("h2 code", has_text="/predict").is_visible()


def test_a_model_of_several_views_takes_a_file_for_each(browser, running, queue_of_views, mammogram, until):
    with running(queue_of_views("breast", "image")) as address, opened_page(browser, address, until) as page:
        assert page.locator(".zoo-example").count() == 0
        ask = page.get_by_role("button", name="Ask the model")
        ask.click()
        page.get_by_text("the form has no file").wait_for()
        for field in ("L_CC", "L_MLO"):
            page.locator(f"[name={field}]").set_input_files({"name": "x", "mimeType": "", "buffer": mammogram})
        page.get_by_label("First picture").select_option("L_MLO")
        page.evaluate(
            """() => {
                const real = window.fetch;
                window.fetch = (url, options) => { window.sent = [...options.body.keys()]; return real(url, options); };
            }"""
        )
        ask.click()
        page.locator(".zoo-predicted").wait_for()
        assert page.get_by_text("Looked at: own, other_view.").is_visible()
        assert page.evaluate("window.sent") == ["L_MLO", "L_CC"]


def drag(page, path, onto):
    """Drag a file onto an element as a user does; the browser decides what the element accepts."""
    box = onto.bounding_box()
    place = {"x": box["x"] + 0.3 * box["width"], "y": box["y"] + box["height"] / 2}
    carried = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": carried})


def test_a_file_dropped_on_the_drop_field_is_answered(page, queue, mammogram, tmp_path):
    (tmp_path / "x.jpg").write_bytes(mammogram)
    drag(page, tmp_path / "x.jpg", page.locator(".zoo-drop"))
    page.locator(".zoo-predicted").wait_for()
    assert page.locator(".zoo-over").count() == 0


def test_a_file_dropped_on_a_views_field_fills_it(browser, running, queue_of_views, mammogram, until, tmp_path):
    (tmp_path / "x.jpg").write_bytes(mammogram)
    with running(queue_of_views("breast", "breast")) as address, opened_page(browser, address, until) as page:
        urls = []
        page.on("request", lambda request: urls.append(request.url))
        drag(page, tmp_path / "x.jpg", page.locator("#zoo-stage"))
        page.get_by_text("drop each picture on the field of its side and view").wait_for()
        for field in ("L_CC", "L_MLO"):
            drag(page, tmp_path / "x.jpg", page.locator(f"[name={field}]"))
            until(page, f"document.querySelector('[name={field}]').files.length === 1")
        assert urls == [], "nothing is sent before the button is pressed"
        page.get_by_role("button", name="Ask the model").click()
        page.locator(".zoo-predicted").wait_for()
        assert page.get_by_text("Looked at: CC, MLO.").is_visible()


def test_the_browser_asks_for_the_token_as_a_password(browser, running, queue, mammogram, until):
    token = "of-the-browsers-own-test"
    with running(queue, access_for("127.0.0.1", token=token)) as address:
        with browser.new_context() as context:
            assert context.request.get(address).status == 401
        credentials = {"username": "anybody", "password": token}  # what a user would type
        with opened_page(browser, address, until, http_credentials=credentials) as page:
            drop(page, "x.jpg", mammogram)
            page.locator(".zoo-predicted").wait_for()
            page.goto(f"{address}docs")
            assert page.get_by_text("Authorization: Bearer TOKEN").first.is_visible()


def test_a_page_of_another_site_gets_no_answer(browser, running, queue, address):
    """A second server is the other site; its page may send a picture to the first, but not be answered."""
    with running(queue) as other, browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        statuses = []
        page.on("response", lambda response: statuses.append(response.status))
        page.goto(other)
        statuses.clear()
        send = (
            """async address => { await fetch(address + "predict", {method: "POST", mode: "no-cors", body: "x"}); }"""
        )
        page.evaluate(send, address)
        page.evaluate(send, other)
        assert statuses == [403, 422]
