"""The settings that a part can have: a frozen, typed value with a default for each."""

from __future__ import annotations

from typing import Any

import msgspec

PROJECT = "birads_zoo"
"""pluggy's project name and the entry-point group."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a part's options. Every field has a type and a default; a recipe can set it, and is checked.

    A field's limits and meaning stand in its type, and `birads-zoo show` prints them:

        class FocalOptions(Options, frozen=True, kw_only=True):
            gamma: Annotated[float, Meta(ge=0, description="how much less easy images weigh")] = 2.0

    with `Meta` from msgspec. Types are those of TOML: bool, int, float, str, lists (as tuples) and tables (as dicts) of
    these, `Literal` for a choice.
    """


class NoOptions(Options, frozen=True):
    """The options of a part that has none."""


NO_OPTIONS: Any = NoOptions()
"""What a context holds for a part without options."""
