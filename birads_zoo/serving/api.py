"""The HTTP endpoint: `POST /predict`, its OpenAPI description, and that as a page which loads nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from birads_zoo.serving.answering import Answer, RefusedError, RequestQueue, answer, place_in_queue
from birads_zoo.serving.templates import render
from birads_zoo.serving.uploads import FIELDS, Upload, taken

_PATIENCE = 120  # seconds in which a picture must have come in: a seat is not held by who sends nothing
_FILE = {"type": "string", "format": "binary"}
_REFUSAL = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
_REFUSALS = {
    400: "the form cannot be read",
    408: "the file did not come in time",
    413: "the file has too many bytes, or the picture too many pixels",
    422: "no picture, one that cannot be used, or pictures that do not belong together",
    503: "too many pictures are waiting",
}


def add_endpoint(app: FastAPI, queue: RequestQueue) -> None:
    """Give `app` the routes `POST /predict` and `/docs`; `/openapi.json` is its own."""

    async def page() -> HTMLResponse:
        several = len(queue.model.manifest.view_names) > 1
        return HTMLResponse(render("docs.html", told=app.openapi(), notice=queue.model.notice, several=several))

    refusals: dict[int | str, dict[str, Any]] = {
        status: {"description": why, "content": {"application/json": {"schema": _REFUSAL}}}
        for status, why in _REFUSALS.items()
    }
    app.add_api_route(
        "/predict",
        _predict(queue),
        methods=["POST"],
        response_model=Answer,
        summary=f"Say what the model sees in {taken(queue.model.manifest)}",
        responses=refusals,
        openapi_extra={"requestBody": _body(queue)},
    )
    app.add_api_route("/docs", page, include_in_schema=False)


def _body(queue: RequestQueue) -> dict[str, Any]:
    """Describe, in OpenAPI's terms, what a request brings."""
    form: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
    what = "One mammogram: a JPEG, PNG, TIFF, PGM, BMP or DICOM file."
    if len(queue.model.manifest.view_names) > 1:
        fields = {"file": {"type": "array", "items": _FILE}} | dict.fromkeys(FIELDS, _FILE)
        form = {"type": "object", "properties": fields}
        what = (
            f"Mammograms, each a JPEG, PNG, TIFF, PGM, BMP or DICOM file: {taken(queue.model.manifest)}. Not all need "
            f"be there. The form's field says of which side and view a picture is: {', '.join(FIELDS)}. A DICOM file "
            "whose header says it may come as the field file, several times, or alone as the body."
        )
    content = {"multipart/form-data": {"schema": form}, "application/octet-stream": {"schema": _FILE}}
    return {"required": True, "description": what, "content": content}


def _predict(queue: RequestQueue) -> Callable[..., Awaitable[Answer]]:
    async def predict(
        request: Request,
        heat_map: Annotated[bool, Query(description="Answer with the picture and its heat map too.")] = False,
    ) -> Answer:
        try:
            return await answer_to(request, queue, drawn=heat_map)
        except RefusedError as refusal:
            raise HTTPException(refusal.status, str(refusal)) from None

    predict.__doc__ = (
        f"{queue.model.notice} Give the file as the body, or as a field of a form. It is deleted after the answer. "
        f"At most {queue.limits.megabytes} megabytes and {queue.limits.megapixels} megapixels a file."
    )
    return predict


async def answer_to(request: Request, queue: RequestQueue, *, drawn: bool) -> Answer:
    """Read the pictures that a request brings, on a seat of its own, and say what the model sees; see `answer`.

    Raises:
        RefusedError: as `place_in_queue` and `answer` do; for a form without a file (422) and a late file (408).

    """
    with place_in_queue(queue):
        try:
            async with asyncio.timeout(_PATIENCE):
                uploads = await _uploads_of(request, len(queue.model.manifest.view_names))
        except TimeoutError:
            raise RefusedError(408, f"the file did not come within {_PATIENCE} seconds; try again") from None
        found: Answer = await run_in_threadpool(answer, queue, uploads, drawn=drawn)
        return found


async def _uploads_of(request: Request, most: int) -> list[Upload]:
    """Return the files that a request brings: its body, or those of its form. Their names are not looked at.

    Raises:
        RefusedError: for a form without a file.
        HTTPException: for one that cannot be read, and one of more than `most` files.

    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return [Upload(content=await request.body())]
    async with request.form(max_files=most, max_fields=8) as form:
        uploads = [
            Upload(content=await value.read(), field=field)
            for field, value in form.multi_items()
            if isinstance(value, UploadFile)
        ]
    if not uploads:
        raise RefusedError(422, "the form holds no file; give one picture, as the field `file`")
    return uploads
