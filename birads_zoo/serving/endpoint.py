"""The HTTP endpoint `POST /predict`, its OpenAPI description, and a page of that description."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from fastapi.security import HTTPBearer
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from birads_zoo.serving.answers.answering import Answer, RequestQueue, answer
from birads_zoo.serving.answers.uploads import FIELDS, Upload, accepted_views
from birads_zoo.serving.refusals import RefusedError
from birads_zoo.serving.templates import render

_TIMEOUT = 120  # seconds to receive a request's files, so that a client that sends nothing does not keep its place
_FILE = {"type": "string", "format": "binary"}
_REFUSAL = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
_REFUSALS = {
    400: "the form cannot be read",
    401: "the token is missing or wrong",
    403: "the request is for another host, or comes from another site's page",
    408: "the file did not arrive in time",
    413: "the file has too many bytes, or the picture too many pixels",
    422: "not a picture, a picture that cannot be used, or pictures that do not belong together",
    503: "too many pictures are waiting",
}


def add_endpoint(app: FastAPI, queue: RequestQueue, *, needs_token: bool) -> None:
    """Give `app` the routes `POST /predict` and `/docs`; `/openapi.json` is its own.

    With `needs_token`, they are described as needing one; `guard` checks it.
    """

    async def page() -> HTMLResponse:
        several = len(queue.model.manifest.view_names) > 1
        api = app.openapi()
        content = render("docs.html", api=api, notice=queue.model.notice, several=several, needs_token=needs_token)
        return HTMLResponse(content)

    async def answer_nobody(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # the client has left, so it is not sent

    refusals: dict[int | str, dict[str, Any]] = {
        status: {"description": reason, "content": {"application/json": {"schema": _REFUSAL}}}
        for status, reason in _REFUSALS.items()
        if status != 401 or needs_token
    }
    app.add_api_route(
        "/predict",
        _predict(queue),
        methods=["POST"],
        response_model=Answer,
        summary=f"Predict {accepted_views(queue.model.manifest)}",
        responses=refusals,
        openapi_extra={"requestBody": _body(queue)},
        dependencies=[Depends(HTTPBearer(auto_error=False))] if needs_token else [],
    )
    app.add_api_route("/docs", page, include_in_schema=False)
    app.add_exception_handler(ClientDisconnect, answer_nobody)


def _body(queue: RequestQueue) -> dict[str, Any]:
    """Return OpenAPI's description of a request's body."""
    form: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
    description = "One mammogram: a JPEG, PNG, TIFF, PGM, BMP or DICOM file."
    if len(queue.model.manifest.view_names) > 1:
        fields = {"file": {"type": "array", "items": _FILE}} | dict.fromkeys(FIELDS, _FILE)
        form = {"type": "object", "properties": fields}
        description = (
            "Mammograms, each a JPEG, PNG, TIFF, PGM, BMP or DICOM file: "
            f"{accepted_views(queue.model.manifest)}. Views may be missing. The form's field gives a picture's side "
            f"and view: {', '.join(FIELDS)}. DICOM files whose headers give side and view may be sent as the field "
            "file, which may be repeated, or a single one as the body."
        )
    content = {"multipart/form-data": {"schema": form}, "application/octet-stream": {"schema": _FILE}}
    return {"required": True, "description": description, "content": content}


def _predict(queue: RequestQueue) -> Callable[..., Awaitable[Answer]]:
    async def predict(
        request: Request,
        heat_map: Annotated[bool, Query(description="Include the picture and its heat map in the answer.")] = False,
    ) -> Answer:
        try:
            return await answer_to(request, queue, draw=heat_map)
        except RefusedError as refusal:
            raise HTTPException(refusal.status, str(refusal)) from None

    predict.__doc__ = (
        f"{queue.model.notice} Send the file as the body, or as a field of a form. It is deleted after the answer. "
        f"At most {queue.limits.megabytes} megabytes and {queue.limits.megapixels} megapixels per file."
    )
    return predict


async def answer_to(request: Request, queue: RequestQueue, *, draw: bool) -> Answer:
    """Wait for a place, read the request's pictures, and return the model's answer; see `answer`.

    Raises:
        RefusedError: as in `Line.place` and `answer`; also for a form without a file (422) and a late file (408).

    """
    async with queue.line.place():
        try:
            async with asyncio.timeout(_TIMEOUT):
                uploads = await _uploads_of(request, len(queue.model.manifest.view_names))
        except TimeoutError:
            raise RefusedError(408, f"the file did not arrive within {_TIMEOUT} seconds; try again") from None
        result: Answer = await run_in_threadpool(answer, queue, uploads, draw=draw)
        return result


async def _uploads_of(request: Request, most: int) -> list[Upload]:
    """Return a request's files: its body, or the files of its form. Their names are ignored.

    Raises:
        RefusedError: for a form without a file.
        HTTPException: for a form that cannot be read, and one with more than `most` files.

    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return [Upload(content=await request.body())]
    try:
        async with request.form(max_files=most, max_fields=8) as form:
            uploads = [
                Upload(content=await value.read(), field=field)
                for field, value in form.multi_items()
                if isinstance(value, UploadFile)
            ]
    except FormParserError as error:  # older versions of Starlette do not turn it into an answer
        raise HTTPException(400, f"the form cannot be read: {error}") from None
    if not uploads:
        raise RefusedError(422, "the form has no file; send a picture as the field `file`")
    return uploads
