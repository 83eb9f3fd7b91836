"""The type of a finding, and how findings format counts and shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fact about a data set to know before training.

    `number` is the measured value, and `shown` is its text with its unit. `consequence` is one sentence. A "warning"
    limits what a result can show; a "note" is for information.
    """

    name: str
    severity: Literal["warning", "note"]
    number: float
    shown: str
    consequence: str


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 breast", "2 breasts"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def share(value: float) -> str:
    """Return a share in percent, with one decimal place near 0 and 1."""
    percent = 100 * value
    digits = 0 if 10 <= percent <= 90 or percent in (0, 100) else 1
    return f"{percent:.{digits}f} %"
