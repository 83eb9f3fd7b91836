"""The server's page: what it serves and what it does not, and that the browser contacts no other host."""

import re
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def paged(queue, local):
    """An in-process server of the page."""
    from starlette.testclient import TestClient

    from birads_zoo.serving.app import build_app

    with TestClient(build_app(queue, local)) as client:
        yield SimpleNamespace(client=client, folder=queue.folder)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("route", ["/", "/page.js", "/page.css", "/docs", "/static/x", "/upload"])
def test_only_the_models_routes_accept_requests_with_a_body(paged, left_in, method, route):
    for body in ({"json": {"path": "/no-such-file-of-birads-zoo"}}, {"files": {"files": ("../../x", b"x")}}):
        assert paged.client.request(method, route, **body).status_code in (404, 405)
    assert left_in(paged.folder) == []


@pytest.mark.parametrize(
    "path",
    [
        "/file=/no-such-file-of-birads-zoo",
        "/config",
        "/redoc",
        "/favicon.ico",
        "/page.html",
        "/answer.html",
        "/..%2f__init__.py",
        "/page.css/../../__init__.py",
        "/static/..%2fpage.html",
    ],
)
def test_only_what_the_page_needs_is_served(paged, path):
    assert paged.client.get(path).status_code == 404


def test_a_websocket_is_closed(paged):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), paged.client.websocket_connect("/"):
        pass


def test_the_page_loads_its_own_style_and_script_and_nothing_else(paged):
    page = paged.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page.text)
    assert sorted(link for link in links if not link.startswith("data:")) == ["page.css", "page.js"]
    for link, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        response = paged.client.get(f"/{link}")
        assert response.headers["content-type"].startswith(kind)
        assert not re.findall(r"(?:@import|url\(|https?:|//[a-z])", re.sub(r"(?m)\s// .*|^// .*", "", response.text)), (
            link
        )


def test_the_page_names_the_model_and_shows_the_notice(paged, queue):
    page = paged.client.get("/").text
    assert queue.model.manifest.run_id in page
    assert all(name in page for name in queue.model.classes)
    assert page.count("Research use only") == 1
    assert "at most 1 MB and 4 megapixels per file" in page
    assert page.count('class="zoo-example"') == 4


def test_the_message_about_a_file_too_large_is_not_escaped_twice(paged):
    held = re.search(r'<template id="zoo-too-large">(.*?)</template>', paged.client.get("/").text, re.DOTALL)[1]
    assert held.strip().startswith('<div class="zoo-warned" role="alert">')
    assert "the file is larger than 1 megabytes" in held


def test_every_control_has_a_name(paged):
    """The text of its label, which a screen reader reads out."""
    page = paged.client.get("/").text
    controls = re.findall(r"<(?:input|select)[^>]*>", page)
    labelled = re.findall(
        r"<label[^>]*>(?:(?!</label>).)*?<(?:input|select)[^>]*>(?:(?!</label>).)*</label>", page, re.DOTALL
    )
    assert len(controls) == len(labelled) == 3
    assert all(re.sub(r"<[^>]+>", "", label).strip() for label in labelled)
    assert '<html lang="en">' in page
    assert 'aria-live="polite"' in page


def test_every_response_forbids_the_browser_to_contact_another_host(paged):
    for path in ("/", "/page.js", "/docs", "/no-such", "/predict"):
        policy = paged.client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy
        assert "script-src 'self';" in policy, "no inline script, and no eval"
        assert "http" not in policy
        assert paged.client.get(path).headers["cache-control"] == "no-store"


def test_the_page_is_answered_in_html_and_nothing_is_left(paged, mammogram, left_in):
    response = paged.client.post("/show", content=mammogram)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert 'class="zoo-answer"' in response.text
    assert "Bright where grad-cam finds evidence for" in response.text
    assert "Research use only" in response.text
    assert left_in(paged.folder) == []


def test_the_page_gets_the_reason_of_a_refusal(paged, left_in):
    response = paged.client.post("/show", content=b"\xff\xd8\xff<script>")
    assert response.status_code == 422
    assert "this picture cannot be used: does not decode" in response.text
    assert "<script" not in paged.client.post("/show", content=b"<script>alert(1)</script>" * 9).text
    assert left_in(paged.folder) == []


def test_the_endpoint_answers_beside_the_page(paged, mammogram):
    assert paged.client.post("/predict", content=mammogram).status_code == 200
    assert list(paged.client.get("/openapi.json").json()["paths"]) == ["/predict"]
