"""Words that every table and page has in common: whether a split leaks, and p-values."""

from __future__ import annotations

from typing import Protocol


class MayLeak(Protocol):
    """Whatever says of a split whether it is `leaky`, and whether the leak is known or only cannot be ruled out."""

    @property
    def leaky(self) -> bool:
        """Whether patients stand, or may stand, on both sides."""

    @property
    def leak_proven(self) -> bool:
        """Whether they are known to, where `leaky`."""


def leak_text(found: MayLeak) -> str:
    """Say "leaks" of a leaky split, and "may leak" where that is not known."""
    return "leaks" if found.leak_proven else "may leak"


def leak_note(found: MayLeak) -> str:
    """Return what follows a split's name: ", leaky", or ", may leak" where that is not known; "" without a leak."""
    return f", {'leaky' if found.leak_proven else 'may leak'}" if found.leaky else ""


def p_text(p: float, form: str = ".3f") -> str:
    """Say a p-value, such as "p = 0.012": as `format` has it, and "p < 0.001" below that."""
    return "p < 0.001" if p < 0.001 else f"p = {p:{form}}"
