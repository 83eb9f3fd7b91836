"""Defines the content of `complete.json`, the last file of a finished run."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Complete(msgspec.Struct, frozen=True, kw_only=True):
    """The SHA-256 of every file of a finished run by its path in the run's folder, with "/" between its parts."""

    FORMAT: ClassVar[int] = 1

    files: dict[str, str]
