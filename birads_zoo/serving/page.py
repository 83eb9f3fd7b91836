"""The page: a place to drop a picture and examples, or one for each view, and beside them what the model says.

Gradio lays it out and draws its controls, and gets nothing of a picture: its uploads, its events and its cache of files
take the paths of files, or addresses, from whoever asks. So these are shut (`gate`), and pictures come as bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from birads_zoo.serving.answering import Desk, RefusedError, too_large
from birads_zoo.serving.api import answer_to
from birads_zoo.serving.examples import Example
from birads_zoo.serving.guard import gate
from birads_zoo.serving.templates import SCRIPT, STYLE, render, render_answer
from birads_zoo.serving.uploads import FIELDS, taken

# The heat map's strength is the browser's business alone: no picture is made anew, or sent again, for it.
_LAY = "(on, strength) => { document.documentElement.style.setProperty('--heat', on ? strength / 100 : 0); }"
_FONTS = ("Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_SILENT = "the server gives no answer; look whether it still runs, and try again"
_OPEN = ("/", "/config", "/theme.css", "/gradio_api/theme.css", "/gradio_api/startup-events", "/favicon.ico")


def add_page(app: FastAPI, desk: Desk, examples: Sequence[Example]) -> None:
    """Give `app` the page, at "/", and the route `POST /show` by which it asks: pictures' bytes to some HTML."""
    app.add_api_route("/show", _show(desk), methods=["POST"], include_in_schema=False)
    gr.mount_gradio_app(
        app,
        _laid_out(desk, examples),
        "/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        show_error=False,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=_FONTS, font_mono=("monospace",)),
        css_paths=[STYLE],
        js=SCRIPT.read_text(encoding="utf-8"),
    )
    mounted: Any = app.router.routes[-1]
    mounted.app = gate(mounted.app, frozenset((*_OPEN, *_assets())))


def _assets() -> set[str]:
    """Return the paths of what Gradio's page may load: the files in its own package, and no others."""
    folder = Path(gr.__file__).parent / "templates" / "frontend"
    return {f"/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*") if file.is_file()}


def _laid_out(desk: Desk, examples: Sequence[Example]) -> gr.Blocks:
    offered = [{"category": one.category, "base64": b64encode(one.content).decode("ascii")} for one in examples]
    refusals = {
        "too_large": render("refused.html", why=str(too_large(desk.limits))),
        "silent": render("refused.html", why=_SILENT),
    }
    manifest = desk.model.manifest
    fields = FIELDS if (several := len(manifest.view_names) > 1) else ()
    one_of = several and manifest.level == "image"
    asked = {"fields": fields, "one_of": one_of, "taken": taken(manifest)}
    drop = render("drop.html", limits=desk.limits, examples=offered, **asked, **refusals)
    with gr.Blocks(title="birads-zoo", analytics_enabled=False) as page:
        gr.HTML(render("head.html", model=desk.model), elem_id="head", apply_default_css=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=280):
                gr.HTML(drop, elem_id="drop", apply_default_css=False)
            with gr.Column(scale=5, min_width=420):
                with gr.Row(equal_height=True, elem_id="heat"):
                    on = gr.Checkbox(value=True, label="Heat map", min_width=140, scale=1)
                    strength = gr.Slider(0, 100, value=75, step=1, label="Opacity in %", scale=4, buttons=[])
                gr.HTML(render("empty.html", several=several), elem_id="answer", apply_default_css=False)
        for control in (on, strength):
            control.input(None, [on, strength], None, js=_LAY)
    return page


def _show(desk: Desk) -> Callable[..., Awaitable[HTMLResponse]]:
    async def show(request: Request) -> HTMLResponse:
        try:
            found = await answer_to(request, desk, drawn=True)
        except RefusedError as refusal:
            return HTMLResponse(render("refused.html", why=str(refusal)), refusal.status)
        return HTMLResponse(render_answer(found, desk.model.manifest))

    return show
