"""Defines the base class of a plugin's options: frozen, typed fields with defaults."""

from __future__ import annotations

from typing import Any

import msgspec

PROJECT = "birads_zoo"
"""pluggy's project name and the entry-point group."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base class of a plugin's options. Every field has a type and a default. A recipe's values are checked.

    A field's limits and meaning are in its type, and `birads-zoo show` prints them:

        class FocalOptions(Options, frozen=True, kw_only=True):
            gamma: Annotated[float, Meta(ge=0, description="how much less easy images weigh")] = 2.0

    with `Meta` from msgspec. Types are those of TOML: bool, int, float, str, lists (as tuples) and tables (as dicts) of
    these, `Literal` for a choice.
    """


class NoOptions(Options, frozen=True):
    """The options of a plugin that has none."""


NO_OPTIONS: Any = NoOptions()
"""The options in the context of a plugin without options."""
