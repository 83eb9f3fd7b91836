"""The web page: fields to drop pictures on, examples, and the model's answer.

It is plain HTML with one style sheet and one script, both served from here. Pictures are sent as bytes; paths and
addresses that a client sends are never used.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from birads_zoo.serving.answers.answering import RequestQueue, too_large
from birads_zoo.serving.answers.uploads import FIELDS, accepted_views
from birads_zoo.serving.endpoint import answer_to
from birads_zoo.serving.examples import Example
from birads_zoo.serving.refusals import RefusedError
from birads_zoo.serving.templates import SCRIPT, STYLE, render, render_answer

_NO_ANSWER = "the server does not answer; check that it is running, and try again"
_UNKNOWN_VIEW = "the side and view of this picture are unknown; drop each picture on the field of its side and view"


def add_page(app: FastAPI, queue: RequestQueue, examples: Sequence[Example]) -> None:
    """Give `app` the page at "/", and the route `POST /show`, which answers the page's pictures with HTML."""
    page = HTMLResponse(_page(queue, examples))
    style = Response(STYLE.read_bytes(), media_type="text/css")
    script = Response(SCRIPT.read_bytes(), media_type="text/javascript")
    for path, content in (("/", page), ("/page.css", style), ("/page.js", script)):
        app.add_api_route(path, _always(content), include_in_schema=False)
    app.add_api_route("/show", _show(queue), methods=["POST"], include_in_schema=False)


def _page(queue: RequestQueue, examples: Sequence[Example]) -> str:
    offered = [
        {"category": example.category, "base64": b64encode(example.content).decode("ascii")} for example in examples
    ]
    manifest = queue.model.manifest
    several = len(manifest.view_names) > 1
    return render(
        "page.html",
        model=queue.model,
        limits=queue.limits,
        examples=offered,
        several=several,
        fields=FIELDS if several else (),
        first_picture=several and manifest.level == "image",
        accepted=accepted_views(manifest),
        too_large=str(too_large(queue.limits)),
        unknown_view=_UNKNOWN_VIEW,
        silent=_NO_ANSWER,
    )


def _always(content: Response) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return content

    return answer


def _show(queue: RequestQueue) -> Callable[..., Awaitable[HTMLResponse]]:
    async def show(request: Request) -> HTMLResponse:
        try:
            result = await answer_to(request, queue, draw=True)
        except RefusedError as refusal:
            return HTMLResponse(render("refused.html", reason=str(refusal)), refusal.status)
        return HTMLResponse(render_answer(result, queue.model.manifest))

    return show
