"""Defines the content of `stopped.json`: which tracker ended a run, and why."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker that ended the run, its reason, and the last epoch and its fold (from 0)."""

    FORMAT: ClassVar[int] = 1

    tracker: str
    reason: str
    fold: int
    epoch: int
