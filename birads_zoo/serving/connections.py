"""The server's connections: their number is limited, and so is the time until a request's headers have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 224
"""Connections at once. A file is read only by a request that has a place in the queue."""

_HEADERS = 10  # seconds until a request's headers have arrived; uvicorn itself waits for ever


class LimitedConnection(H11Protocol):  # type: ignore[misc]  # uvicorn is read without its types
    """A connection that is closed if it sends no whole request for too long, or if others need its place.

    uvicorn's own limit refuses new connections once there are too many, also if the old ones never send a request.
    Here, a new connection takes the place of the one that has been without a request for longest.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request, and make room for it."""
        super().connection_made(transport)
        self._await_request()
        self._make_room()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._deadline.cancel()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time limit."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; if a response has begun, only close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        self.transport.close()
        if not self.idle:
            self.cycle.disconnected = True  # so that the application's own response is not sent

    @property
    def idle(self) -> bool:
        """Whether the connection has no request that waits for its response."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def _await_request(self) -> None:
        self._idle_since = self.loop.time()
        self._deadline = self.loop.call_later(_HEADERS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.idle:
            self.transport.close()

    def _make_room(self) -> None:
        if len(self.connections) <= MOST:
            return
        idle = [connection for connection in self.connections if connection.idle and connection is not self]
        if idle:
            oldest = min(idle, key=lambda connection: connection._idle_since)
            self.connections.discard(oldest)  # now: several connections may be made before the loop reports its end
            oldest.transport.abort()  # closing would wait for a client that does not read its response


def configure(app: Callable[..., Any]) -> Config:
    """Return uvicorn's settings for an application."""
    return Config(
        app,
        http=LimitedConnection,
        ws="none",
        log_level="warning",
        access_log=False,
        limit_concurrency=MOST + 1,  # refuses a connection for which no other one could make room
        timeout_graceful_shutdown=3,  # keep-alive connections of open pages must not delay the end
    )
