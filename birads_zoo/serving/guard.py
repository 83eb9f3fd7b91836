"""Guards the server: checks who asks, limits the size of requests, and forbids browsers to load from other hosts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from birads_zoo.serving.access import Access
from birads_zoo.serving.answers.answering import Limits, too_large
from birads_zoo.serving.refusals import RefusedError

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]

_ENVELOPE = 65_536  # bytes that a form may add to its files

# Scripts are the server's own files, never inline; styles may be inline. Nothing may come from elsewhere.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def guard(app: App, access: Access, limits: Limits, files: int) -> App:
    """Wrap an ASGI application: refuse requests that `access` denies and larger bodies than the limit.

    The limit is that of `files` files, each of the largest size. Browsers are forbidden to contact another host.
    """
    most = files * limits.bytes + _ENVELOPE

    async def guarded(scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        got = 0

        async def counted() -> _Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > most:
                raise HTTPException(too_large(limits).status, str(too_large(limits)))
            return message

        async def safe(message: _Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        try:
            access.check(scope["headers"], (scope.get("server") or ("",))[0])
            announced = dict(scope["headers"]).get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > most:
                raise too_large(limits)
        except RefusedError as refused:
            await _refuse(refused)(scope, receive, safe)
        else:
            await app(scope, counted, safe)

    return guarded


def _refuse(refusal: RefusedError) -> JSONResponse:
    # A browser that gets this header asks its user for a password.
    headers = {"www-authenticate": 'Basic realm="birads-zoo", charset="UTF-8"'} if refusal.status == 401 else None
    return JSONResponse({"detail": str(refusal)}, refusal.status, headers)
