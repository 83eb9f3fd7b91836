"""What a study's process and its workers write to each other: a line of JSON for each message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from birads_zoo.recipe import from_dict, to_dict
from birads_zoo.study.executors.surroundings import Surroundings
from birads_zoo.study.executors.tasks import Failure, Task


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Asks a worker to execute a task. On another machine it first checks the `surroundings`."""

    recipe: dict[str, Any]
    study: str
    folder: str
    place: str
    device: str
    surroundings: Surroundings | None = None

    @classmethod
    def of(cls, task: Task, surroundings: Surroundings | None = None) -> Order:
        """Return the order for a task."""
        return cls(
            recipe=to_dict(task.recipe),
            study=str(task.study),
            folder=task.folder,
            place=task.place,
            device=task.device,
            surroundings=surroundings,
        )

    @property
    def task(self) -> Task:
        """The task."""
        recipe = from_dict(self.recipe, "the study's recipe")
        return Task(recipe=recipe, study=Path(self.study), folder=self.folder, place=self.place, device=self.device)


class Shown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far a worker is with what its bar calls `title`."""

    title: str
    done: int
    total: int
    note: str


class Warned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A warning for the user."""

    text: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The task was executed in some `seconds`."""

    failure: Failure | None
    seconds: float


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The worker cannot execute any task of this study."""

    reason: str


Message = Shown | Warned | Ended | Refused


def encode(message: Order | Message) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> Order:
    """Return the order in a line."""
    return msgspec.json.decode(line, type=Order)


def decode(line: bytes) -> Message:
    """Return the message in a line."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
