"""Defines an estimate: a value with its confidence interval."""

from __future__ import annotations

import msgspec

Ends = tuple[float, float]
"""The lower and the upper end of a 95 % interval."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value and both ends of its 95 % confidence interval, in the unit of the value."""

    value: float
    low: float
    high: float
