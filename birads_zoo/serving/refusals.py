"""The error for a request that gets no answer."""

from __future__ import annotations


class RefusedError(Exception):
    """Raised for a request that gets no answer; `status` is the HTTP status, and the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
