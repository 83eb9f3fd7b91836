"""The content of `stopped.json`: that a tracker ended a run, and why."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Which tracker asked the run to stop, for what reason, and after which epoch of which fold (from 0)."""

    FORMAT: ClassVar[int] = 1

    tracker: str
    reason: str
    fold: int
    epoch: int
