"""Wording that all tables and pages share: for leaky splits, and for p-values."""

from __future__ import annotations

from typing import Protocol


class MayLeak(Protocol):
    """Anything that describes a split: whether it is `leaky`, and whether the leak is proven or only possible."""

    @property
    def leaky(self) -> bool:
        """Whether patients are, or may be, on both sides."""

    @property
    def leak_proven(self) -> bool:
        """Whether patients are known to be on both sides; only meaningful where `leaky`."""


def leak_text(split: MayLeak) -> str:
    """Return "leaks" for a split that is known to leak, and "may leak" for another leaky split."""
    return "leaks" if split.leak_proven else "may leak"


def leak_note(split: MayLeak) -> str:
    """Return the note after a split's name: ", leaky", ", may leak" where it is not proven, or "" without a leak."""
    return f", {'leaky' if split.leak_proven else 'may leak'}" if split.leaky else ""


def p_text(p: float, form: str = ".3f") -> str:
    """Format a p-value, such as "p = 0.012", by `form`; smaller ones are "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:{form}}"
