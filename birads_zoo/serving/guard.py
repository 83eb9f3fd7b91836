"""What the server lets in and out: bodies up to a size, the few paths that the page needs, no other host's scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from birads_zoo.serving.answering import Limits, too_large

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]

_ENVELOPE = 65_536  # bytes that a form may add to its files
_KEPT = ("/assets/", "/static/")

# Gradio's page has scripts and styles within itself, and builds some while it runs; none may come from elsewhere.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        b"worker-src 'self' blob:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def guard(app: App, limits: Limits, files: int) -> App:
    """Wrap an ASGI application: no body beyond the limit comes in, and no browser is sent to another host.

    The limit is that of so many `files`, each of the largest size.
    """
    most = files * limits.bytes + _ENVELOPE
    refusal = too_large(limits)

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
                raise HTTPException(refusal.status, str(refusal))
            return message

        async def safe(message: _Message) -> None:
            if message["type"] == "http.response.start":
                kept = b"public" if scope["path"].startswith(_KEPT) else b"no-store"
                own = [(name, value) for name, value in message["headers"] if name != b"cache-control"]
                message = {**message, "headers": [*own, *_HEADERS, (b"cache-control", kept)]}
            await send(message)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            await JSONResponse({"detail": str(refusal)}, refusal.status)(scope, receive, safe)
        else:
            await app(scope, counted, safe)

    return guarded


def gate(app: App, paths: frozenset[str]) -> App:
    """Wrap an ASGI application so that these paths of it can be got, without a query, and nothing else of it reached.

    In a query Gradio takes the name of a kept state, which it would look for in its folder.
    """

    async def gated(scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] in paths
        if asked or scope["type"] == "lifespan":
            await app({**scope, "query_string": b""} if asked else scope, receive, send)
        elif scope["type"] == "http":
            await JSONResponse({"detail": "Not Found"}, 404)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return gated
