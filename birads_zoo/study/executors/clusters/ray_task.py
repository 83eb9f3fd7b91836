"""What a process of Ray executes. It imports nothing heavy, not even Ray."""

from __future__ import annotations

from typing import Protocol

from birads_zoo.study.executors.clusters.node import NodeTask, Request
from birads_zoo.study.executors.messages import encode


class Mailbox(Protocol):
    """A queue of Ray."""

    def put(self, item: tuple[str, bytes]) -> None:
        """Put a message of the task that the screen calls by a name, as JSON."""


def execute(request: bytes, mailbox: Mailbox) -> bytes:
    """Execute a task, and return the last message, as JSON; the others are put into the mailbox."""
    decoded = Request.decode(request)
    place = decoded.order.place
    return encode(NodeTask(decoded).execute(lambda message: mailbox.put((place, encode(message)))))
