"""One thing that an inspection found, and how it says a number of things and a share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to know before training.

    `number` is what was measured, as `shown` says it with its unit; `consequence` is one sentence. A "warning" changes
    what a result may be taken for; a "note" is to be known.
    """

    name: str
    severity: Literal["warning", "note"]
    number: float
    shown: str
    consequence: str


def counted(number: int, one: str) -> str:
    """Return a number of things: "1 breast", "2 breasts"."""
    return f"{number} {one}{'s' * (number != 1)}"


def share(value: float) -> str:
    """Return a share in percent, with a digit behind the point near 0 and 1."""
    percent = 100 * value
    digits = 0 if 10 <= percent <= 90 or percent in (0, 100) else 1
    return f"{percent:.{digits}f} %"
