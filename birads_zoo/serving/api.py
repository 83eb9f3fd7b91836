"""The HTTP endpoint: `POST /predict`, its OpenAPI description, and that as a page which loads nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from birads_zoo.serving.answering import Answer, Desk, RefusedError, answer, seat
from birads_zoo.serving.templates import render

_PATIENCE = 120  # seconds in which a picture must have come in: a seat is not held by who sends nothing
_FILE = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
_BODY = {
    "required": True,
    "description": "One mammogram: a JPEG, PNG, TIFF, PGM, BMP or DICOM file.",
    "content": {"multipart/form-data": {"schema": _FORM}, "application/octet-stream": {"schema": _FILE}},
}
_REFUSAL = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
_REFUSALS = {
    400: "the form cannot be read",
    408: "the file did not come in time",
    413: "the file has too many bytes, or the picture too many pixels",
    422: "no picture, several, or one that cannot be used",
    503: "too many pictures are waiting",
}


def add_endpoint(app: FastAPI, desk: Desk) -> None:
    """Give `app` the routes `POST /predict` and `/docs`; `/openapi.json` is its own."""

    async def page() -> HTMLResponse:
        return HTMLResponse(render("docs.html", told=app.openapi(), notice=desk.model.notice))

    refusals: dict[int | str, dict[str, Any]] = {
        status: {"description": why, "content": {"application/json": {"schema": _REFUSAL}}}
        for status, why in _REFUSALS.items()
    }
    app.add_api_route(
        "/predict",
        _predict(desk),
        methods=["POST"],
        response_model=Answer,
        summary="Say what the model sees in one mammogram",
        responses=refusals,
        openapi_extra={"requestBody": _BODY},
    )
    app.add_api_route("/docs", page, include_in_schema=False)


def _predict(desk: Desk) -> Callable[..., Awaitable[Answer]]:
    async def predict(
        request: Request,
        heat_map: Annotated[bool, Query(description="Answer with the picture and its heat map too.")] = False,
    ) -> Answer:
        try:
            return await answer_to(request, desk, drawn=heat_map)
        except RefusedError as refusal:
            raise HTTPException(refusal.status, str(refusal)) from None

    predict.__doc__ = (
        f"{desk.model.notice} Give the file as the body, or as the field `file` of a form. It is forgotten once it is "
        f"answered. At most {desk.limits.megabytes} megabytes and {desk.limits.megapixels} megapixels."
    )
    return predict


async def answer_to(request: Request, desk: Desk, *, drawn: bool) -> Answer:
    """Read the picture that a request brings, on a seat of its own, and say what the model sees; see `answer`.

    Raises:
        RefusedError: as `seat` and `answer` do, for a form without a file (422) and a file that does not come (408).

    """
    with seat(desk):
        try:
            async with asyncio.timeout(_PATIENCE):
                content = await _content_of(request)
        except TimeoutError:
            raise RefusedError(408, f"the file did not come within {_PATIENCE} seconds; try again") from None
        found: Answer = await run_in_threadpool(answer, desk, content, drawn=drawn)
        return found


async def _content_of(request: Request) -> bytes:
    """Return the file that a request brings: its body, or the one file of its form. Its name is not looked at.

    Raises:
        RefusedError: for a form without a file.

    """
    content: bytes
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        content = await request.body()
        return content
    async with request.form(max_files=1, max_fields=8) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise RefusedError(422, "the form holds no file; give one picture, as the field `file`")
        content = await files[0].read()
    return content
