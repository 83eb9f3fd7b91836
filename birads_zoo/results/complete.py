"""Defines the content of `complete.json`, the last file of a finished run or study."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Complete(msgspec.Struct, frozen=True, kw_only=True):
    """The SHA-256 of every file of a finished run or study by its path in the folder, with "/" between its parts.

    A study has its results, and the `complete.json` of each run that they were computed from.
    """

    FORMAT: ClassVar[int] = 1

    files: dict[str, str]
