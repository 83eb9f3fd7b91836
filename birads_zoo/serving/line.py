"""The line of requests: a few have a place and are in memory, others wait for one, and the rest are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from birads_zoo.serving.refusals import RefusedError

PLACES = 8
"""Requests in memory at once: those that are received, decoded, predicted or answered."""

WAITING = 200
"""Requests that may wait for a place. None of their bodies has been read, so they take little memory."""

PATIENCE = 60
"""Seconds that a request waits for a place at most."""

_FULL = "too many pictures are waiting; try again in a moment"


class Line:
    """Gives `places` to requests in the order in which they came, while `waiting` others wait for one."""

    def __init__(self, places: int = PLACES, waiting: int = WAITING) -> None:
        self._places = asyncio.Semaphore(places)
        self._most = waiting
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for a request: take it before reading any of the request's bytes, and keep it until the answer.

        Raises:
            RefusedError: if too many requests are waiting, this one has waited for too long, or the server stops (503).

        """
        await self._wait()
        try:
            yield
        finally:
            self._places.release()

    async def _wait(self) -> None:
        if self._places.locked() and self._waiting >= self._most:
            raise RefusedError(503, _FULL)
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            raise RefusedError(503, _FULL) from None
        except asyncio.CancelledError:  # only a server that stops does this
            raise RefusedError(503, "the server is stopping") from None
        finally:
            self._waiting -= 1
