"""The page: a place to drop a picture and examples, or one for each view, and beside them what the model says.

It is plain HTML with one style and one script, both the server's own. Pictures come as bytes, and no path or address
that a client chooses has a part in anything.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from birads_zoo.serving.answering import RefusedError, RequestQueue, too_large
from birads_zoo.serving.api import answer_to
from birads_zoo.serving.examples import Example
from birads_zoo.serving.templates import SCRIPT, STYLE, render, render_answer
from birads_zoo.serving.uploads import FIELDS, taken

_SILENT = "the server does not answer; check that it is running, and try again"
_WHICH = "the page cannot tell which side and view this is; drop each picture on the field of its side and view"


def add_page(app: FastAPI, queue: RequestQueue, examples: Sequence[Example]) -> None:
    """Give `app` the page, at "/", and the route `POST /show` by which it asks: pictures' bytes to some HTML."""
    page = HTMLResponse(_page(queue, examples))
    style = Response(STYLE.read_bytes(), media_type="text/css")
    script = Response(SCRIPT.read_bytes(), media_type="text/javascript")
    for path, content in (("/", page), ("/page.css", style), ("/page.js", script)):
        app.add_api_route(path, _always(content), include_in_schema=False)
    app.add_api_route("/show", _show(queue), methods=["POST"], include_in_schema=False)


def _page(queue: RequestQueue, examples: Sequence[Example]) -> str:
    offered = [{"category": one.category, "base64": b64encode(one.content).decode("ascii")} for one in examples]
    manifest = queue.model.manifest
    several = len(manifest.view_names) > 1
    return render(
        "page.html",
        model=queue.model,
        limits=queue.limits,
        examples=offered,
        several=several,
        fields=FIELDS if several else (),
        one_of=several and manifest.level == "image",
        taken=taken(manifest),
        too_large=str(too_large(queue.limits)),
        which=_WHICH,
        silent=_SILENT,
    )


def _always(content: Response) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return content

    return answer


def _show(queue: RequestQueue) -> Callable[..., Awaitable[HTMLResponse]]:
    async def show(request: Request) -> HTMLResponse:
        try:
            found = await answer_to(request, queue, drawn=True)
        except RefusedError as refusal:
            return HTMLResponse(render("refused.html", why=str(refusal)), refusal.status)
        return HTMLResponse(render_answer(found, queue.model.manifest))

    return show
