"""The server's page: what it serves and what not, and that nothing of Gradio's takes anything from a stranger."""

import asyncio
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

pytest.importorskip("gradio", reason="gradio is not installed (make install)")


@pytest.fixture(scope="session")
def paged(desk):
    """An in-process server of the page."""
    from starlette.testclient import TestClient

    from birads_zoo.serving.app import build_app

    async def build():  # within a loop: without one, Gradio makes loops that it never closes
        return build_app(desk)

    with ThreadPoolExecutor(1) as pool:  # a browser's tests, if they ran before, hold this thread's loop
        app = pool.submit(lambda: asyncio.run(build())).result()
    with TestClient(app) as client:
        yield SimpleNamespace(client=client, folder=desk.folder)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/no-such-file-of-birads-zoo", "../../x", "https://example.com/x.png"])
@pytest.mark.parametrize(
    ("route", "asked"),
    [
        ("/gradio_api/queue/join", lambda path: {"json": {"data": [file(path)], "fn_index": 0, "session_hash": "s"}}),
        ("/gradio_api/run/predict", lambda path: {"json": {"data": [file(path)], "fn_index": 0}}),
        ("/gradio_api/call/predict", lambda path: {"json": {"data": [file(path)]}}),
        ("/gradio_api/component_server", lambda path: {"json": {"data": path, "component_id": 1, "fn_name": "ls"}}),
        ("/gradio_api/upload", lambda path: {"files": {"files": (path, b"x")}}),
        ("/gradio_api/process_recording", lambda path: {"files": {"files": (path, b"x")}}),
        ("/gradio_api/stream/s/1/x", lambda path: {"json": {"path": path}}),
        ("/gradio_api/reset", lambda path: {"json": {"event_id": path}}),
        ("/gradio_api/deep_link", lambda path: {"json": {"path": path}}),
        ("/", lambda path: {"json": file(path)}),
        ("/assets/index.js", lambda path: {"json": file(path)}),
    ],
)
def test_gradio_takes_nothing_from_a_stranger(paged, left_in, monkeypatch, path, route, asked):
    from gradio import processing_utils

    def never(*_, **__):
        raise AssertionError("Gradio was asked to handle a file")

    for name in ("async_ssrf_protected_download", "save_file_to_cache", "_move_to_cache"):
        if hasattr(processing_utils, name):
            monkeypatch.setattr(processing_utils, name, never)
    response = paged.client.post(route, **asked(path))
    assert response.status_code == 404
    assert left_in(paged.folder) == []


def file(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/no-such-file-of-birads-zoo",
        "/gradio_api/proxy=https://example.com/",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/queue/data?session_hash=s",
        "/gradio_api/heartbeat/s",
        "/gradio_api/runs",
        "/gradio_api/vibe-code",
        "/gradio_api/deep_link",
        "/monitoring",
        "/redoc",
        "/login",
        "/assets/../../../../pyproject.toml",
        "/assets/..%2f..%2f__init__.py",
        "/static/..%2findex.html",
    ],
)
def test_nothing_is_served_that_the_page_does_not_need(paged, path):
    assert paged.client.get(path).status_code == 404


def config_of(page):
    return json.loads(re.search(r"window\.gradio_config = (\{.*?\});</script>", page)[1])


@pytest.mark.parametrize("name", ["x", "A" * 20, "..%2fx", "%2fno-such-file-of-birads-zoo"])
def test_no_kept_state_is_looked_for(paged, name):
    assert config_of(paged.client.get(f"/?deep_link={name}").text)["deep_link_state"] == "none"
    assert "deep_link_state" not in paged.client.get(f"/config?deep_link={name}").json()


def test_a_socket_is_closed(paged):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), paged.client.websocket_connect("/gradio_api/queue/join"):
        pass


def test_the_page_names_no_script_style_or_font_of_another_host(paged):
    page = paged.client.get("/").text
    links = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page)
    assert links
    assert [link for link in links if "//" in link] == []
    for link in [link for link in links if link.endswith(".css")] + ["theme.css"]:
        style = paged.client.get(f"/{link.removeprefix('./')}").text
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\s]+", style) == [], link


def test_every_answer_forbids_the_browser_to_ask_another_host(paged):
    for path in ("/", "/docs", "/gradio_api/runs", "/predict"):
        policy = paged.client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy
        assert "http" not in policy


def test_telemetry_and_history_are_off(paged):
    config = config_of(paged.client.get("/").text)
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert [one for one in config["dependencies"] if one["backend_fn"]] == []
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_the_page_is_answered_in_html_and_nothing_is_left(paged, mammogram, left_in):
    told = paged.client.post("/show", content=mammogram)
    assert told.status_code == 200
    assert told.headers["content-type"].startswith("text/html")
    assert 'class="zoo-answer"' in told.text
    assert "Research use only" in told.text
    assert left_in(paged.folder) == []


def test_the_page_is_told_why_not(paged, left_in):
    told = paged.client.post("/show", content=b"\xff\xd8\xff<script>")
    assert told.status_code == 422
    assert "this picture cannot be used: does not decode" in told.text
    assert "<script" not in paged.client.post("/show", content=b"<script>alert(1)</script>" * 9).text
    assert left_in(paged.folder) == []


def test_the_endpoint_answers_beside_the_page(paged, mammogram):
    assert paged.client.post("/predict", content=mammogram).status_code == 200
    assert list(paged.client.get("/openapi.json").json()["paths"]) == ["/predict"]
